import { UserAgent } from "offhook/inline";
import { callBob } from "./call-bob.js";

await callBob(UserAgent);
