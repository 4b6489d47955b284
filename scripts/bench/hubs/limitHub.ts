/** The limit: a bare WebSocket hub. No HTTP, validation, tokens or disk; one map, `JSON.parse`. */
interface Peer {
  id: string;
}

const agents = new Map<string, Bun.ServerWebSocket<Peer>>();
let operator: Bun.ServerWebSocket<Peer> | undefined;
const server = Bun.serve<Peer>({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, self) {
    const id = new URL(request.url).pathname.slice(1);
    return self.upgrade(request, { data: { id } })
      ? undefined
      : new Response(null, { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    backpressureLimit: 64 * 1024 * 1024,
    open(socket) {
      if (socket.data.id === "operator") operator = socket;
      else agents.set(socket.data.id, socket);
    },
    message(socket, text) {
      const message = JSON.parse(String(text)) as { to?: string; all?: boolean };
      if (socket !== operator) operator?.send(text);
      else if (message.all) for (const agent of agents.values()) agent.send(text);
      else agents.get(message.to ?? "")?.send(text);
    },
  },
});
console.log(`port ${server.port}`);
