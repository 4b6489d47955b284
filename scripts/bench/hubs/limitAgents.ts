/** Agents of the bare hub: `limitAgents.ts URL FIRST COUNT`; each answers at once. */
const [url = "", first = "0", count = "1"] = process.argv.slice(2);
let open = 0;
for (let index = 0; index < Number(count); index++) {
  const id = `a${Number(first) + index}`;
  const socket = new WebSocket(`${url}/${id}`);
  socket.onopen = () => {
    if (++open === Number(count)) console.log("all open");
  };
  socket.onmessage = ({ data }) => {
    const { id: request } = JSON.parse(String(data)) as { id: number };
    socket.send(JSON.stringify({ id: request, from: id, status: "success", message: "pong" }));
  };
}
