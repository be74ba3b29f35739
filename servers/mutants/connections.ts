/** Faults of whatever has connections, over TCP and WebSocket alike. */
import type { Faults } from "./fault.ts";

export type Connections<Connection> = {
  /** One has been accepted. */
  opened: (connection: Connection) => void;
  /** Ends one by a reset. */
  reset: (connection: Connection) => void;
};

export const connectionFaults = <Connection>() =>
  ({
    "half-a-second": {
      words: "a connection is ended half a second after its beginning",
      fails: {
        "chat-bracket": "6.1 6.2",
        "chat-welcome": "6.1 6.2",
        "chat-stamped": "6.1 6.2",
        "chat-json": "6.1 6.2",
        "chat-ws": "4.1 4.2",
        "sum-tcp": "4.3",
        "sum-ws": "4.4",
        echo: "2.1",
        file: "3.4",
        letters: "6.2",
      },
      process: true,
      change: ({ opened, reset }) => ({
        opened(connection) {
          opened(connection);
          setTimeout(() => reset(connection), 500);
        },
      }),
    },
  }) as const satisfies Faults<Connections<Connection>>;
