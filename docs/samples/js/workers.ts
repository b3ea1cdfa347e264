import { UserAgent } from "offhook";

// #region shared
export function connectForAllTabs(password: string): Promise<UserAgent> {
  return UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "wss://example.com/ws",
    password,
    host: "shared-worker",
  });
}
// #endregion shared
