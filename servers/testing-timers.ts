/**
 * Loaded before a server program: each connection that it accepts gets a timer of a second before the server sees
 * it, in the place of the 120 s that Bun 1.4.5 gives. So does the one to the Unix socket `TIMERS_OVER`: when that is
 * closed, the timers of all that were accepted before it have run out.
 */
const listen = Bun.listen.bind(Bun);

Bun.listen = ((options: Bun.TCPSocketListenOptions<unknown>) => {
  const { open, ...handlers } = options.socket;
  return listen({
    ...options,
    socket: {
      ...handlers,
      open(socket) {
        socket.timeout(1);
        open?.(socket);
      },
    },
  });
}) as typeof Bun.listen;

listen({
  unix: process.env.TIMERS_OVER ?? "",
  socket: {
    open: (socket) => void socket.timeout(1),
    data() {},
    timeout: (socket) => void socket.end(),
  },
});
