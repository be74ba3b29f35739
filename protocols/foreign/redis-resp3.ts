/** Redis, RESP3: what is published comes as a push, which cannot be taken for a reply. */
import { redis } from "./redis.ts";

export default redis("redis/resp3", 3);
