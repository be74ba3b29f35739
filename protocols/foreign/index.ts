/** Protocols of servers that people run, each a file as a user's own would be: measured where they are asked for. */
import type { Protocol } from "../protocol.ts";
import http from "./http.ts";
import memcached from "./memcached.ts";
import mqtt from "./mqtt.ts";
import mqttQos1 from "./mqtt-qos1.ts";
import nats from "./nats.ts";
import redis from "./redis.ts";
import redisResp3 from "./redis-resp3.ts";
import stomp from "./stomp.ts";

export const foreign: readonly Protocol[] = [nats, redis, redisResp3, mqtt, mqttQos1, memcached, stomp, http];
