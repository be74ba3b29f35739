/** Loaded before the tests (bunfig.toml): Bun 1.4.5 takes no time bound from there, and none may wait for ever. */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(30_000);
