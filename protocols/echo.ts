/** Echo: a pong for a ping, by the line or, as the tutorial has it, by the read. */

export const ECHO_PORT = 9000;
export const PONG = "pong";
/** The unframed variant's receive buffer. */
export const UNFRAMED_READ_BYTES = 1024;
