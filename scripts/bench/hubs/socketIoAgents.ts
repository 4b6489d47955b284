/** Agents of socket.io: `socketIoAgents.ts PORT FIRST COUNT`; each answers at once. */
import { io } from "socket.io-client";

const [port = "", first = "0", count = "1"] = process.argv.slice(2);
let open = 0;
for (let index = 0; index < Number(count); index++) {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    auth: { id: `a${Number(first) + index}` },
    forceNew: true,
  });
  socket.on("connect", () => {
    if (++open === Number(count)) console.log("all open");
  });
  socket.on("command", (_command: object, answered: (answer: object) => void) =>
    answered({ status: "success", message: "pong" }),
  );
}
