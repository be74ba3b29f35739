/** MQTT 3.1.1 with QoS 1: at least once, so that what comes again is told and no fault. */
import { mqtt } from "./mqtt.ts";

export default mqtt("mqtt/qos1", 1);
