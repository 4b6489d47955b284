// A socket.io server on Node.js: hands what an operator asks for to the agent, with acknowledgements.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
const agents = new Map();
server.on("connection", (socket) => {
  const { id } = socket.handshake.auth;
  if (id !== "operator") {
    agents.set(id, socket);
    return;
  }
  socket.on("command", (to, command, answered) =>
    agents.get(to)?.emit("command", command, answered),
  );
  socket.on("all", (command, number) => {
    for (const agent of agents.values()) {
      agent.emit("command", command, (answer) => socket.emit("answer", number, answer));
    }
  });
});
http.listen(0, "127.0.0.1", () => console.log(`port ${http.address().port}`));
