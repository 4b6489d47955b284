/** Plots as SVG, drawn by ECharts without a browser. */
import { init } from "echarts";
import type { Plot } from "./row.ts";

const size = { width: 720, height: 400 };

export function svgOf({ title, x, y, lines }: Plot): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({
    animation: false,
    title: { text: title, left: "center" },
    legend: { top: 30 },
    grid: { top: 80, left: 80, right: 30, bottom: 60 },
    xAxis: {
      type: x.isLogarithmic ? "log" : "value",
      name: x.name,
      nameLocation: "middle",
      nameGap: 35,
    },
    yAxis: { type: "value", name: y.name, nameLocation: "middle", nameGap: 55, min: 0 },
    series: [...lines].map(([name, points]) => ({
      ...{ type: "line", name, symbolSize: 7 },
      data: points.map((point) => [...point]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
