import { UserAgent } from "offhook";
import { callBob } from "./call-bob.js";

await callBob(UserAgent);
