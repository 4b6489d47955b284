/** CPU and memory of an agent over time. */
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import type { Series } from "../../../../protocol/api/views.ts";
import { bytes } from "../state/format.ts";
import { theme } from "./theme.ts";

const heightPx = 160;

interface ChartProps {
  title: string;
  seconds: number;
  times: number[];
  values: (number | null)[];
  format(value: number): string;
  color: string;
}

function Chart({ title, seconds, times, values, format, color }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const data = useRef<UPlot.AlignedData>([times, values]);
  data.current = [times, values];
  const plot = useRef<UPlot>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const draw = () => {
      plot.current?.destroy();
      const style = getComputedStyle(element);
      const ink = (name: string) => style.getPropertyValue(name).trim();
      const axis = { stroke: ink("color"), grid: { stroke: style.borderColor, width: 1 } };
      const options: UPlot.Options = {
        width: Math.max(200, element.clientWidth),
        height: heightPx,
        legend: { show: false },
        cursor: { y: false },
        scales: {
          x: {
            range: () => {
              const end = data.current[0].at(-1) ?? seconds;
              return [end - seconds, end];
            },
          },
          y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        axes: [
          { ...axis, ticks: { show: false } },
          { ...axis, size: 64, values: (_u, ticks) => ticks.map(format), ticks: { show: false } },
        ],
        series: [{}, { stroke: style.accentColor, width: 1.5, points: { size: 4 } }],
      };
      plot.current = new UPlot(options, data.current, element);
    };
    // The colours of a canvas do not follow the style sheet by themselves.
    const stop = effect(() => {
      theme.value;
      requestAnimationFrame(draw);
    });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const sizes = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: heightPx });
    });
    sizes.observe(element);
    return () => {
      stop();
      dark.removeEventListener("change", draw);
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData([times, values]), [times, values]);
  const known = values.filter((value) => value !== null);
  const latest = known.at(-1);
  const words = latest === undefined ? "no data" : `latest ${format(latest)}`;
  const most = known.length === 0 ? "" : `, highest ${format(Math.max(...known))}`;
  return (
    <figure class="chart">
      <figcaption>
        {title}
        <span class="quiet">{` ${words}${most}`}</span>
      </figcaption>
      <div ref={box} class={`plot ${color}`} role="img" aria-label={`${title}: ${words}${most}`} />
    </figure>
  );
}

/** @param seconds How long before the newest value the charts begin. */
export function Charts({ series, seconds }: { series: Series; seconds: number }) {
  const { from, step_seconds: step } = series;
  const start = Date.parse(from) / 1000;
  const skipped = Math.max(0, series.cpu_percent.length - Math.ceil(seconds / step));
  const times = series.cpu_percent.map((_, index) => start + index * step).slice(skipped);
  const cpu = series.cpu_percent.slice(skipped);
  const memory = series.memory_bytes.slice(skipped);
  const percent = (value: number) => `${Math.round(value)}%`;
  return (
    <div class="charts">
      <Chart
        title="CPU"
        seconds={seconds}
        times={times}
        values={cpu}
        format={percent}
        color="cpu"
      />
      <Chart
        title="Memory"
        seconds={seconds}
        times={times}
        values={memory}
        format={bytes}
        color="memory"
      />
    </div>
  );
}
