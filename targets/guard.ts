/**
 * Ends a started program when the one that started it has gone, however that went: killed, crashed, or a test run,
 * which tells nobody of its end (`bun test` emits no `exit`, Bun 1.4.5). A shell waits at a pipe that closes with us.
 */
const SCRIPT = `trap '' INT TERM HUP; read -r line || kill -s KILL -- "-$0"`;

/** Guards the process group of `leader`; returns what sends the guard away. */
export function guard(leader: number): () => void {
  const shell = Bun.spawn(["/bin/sh", "-c", SCRIPT, String(leader)], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
  });
  shell.unref();
  return () => {
    shell.stdin.write("done\n");
    shell.stdin.end();
  };
}
