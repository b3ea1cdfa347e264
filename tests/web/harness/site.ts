import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { PACKAGE, SOFTPHONE } from "./paths.js";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export interface Site {
  /** Without a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/**
 * What a web server would serve: the softphone at `/`, the package at `/offhook/`, and `more`: path to folder; with these
 * header fields.
 */
export async function serveSite(more: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Site> {
  const folders = Object.entries({ "/": SOFTPHONE, "/offhook/": PACKAGE, ...more }).sort(([a], [b]) => b.length - a.length);
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const [prefix = "/", folder = SOFTPHONE] = folders.find(([prefix]) => path.startsWith(prefix)) ?? [];
    const file = join(folder, path.slice(prefix.length) || "index.html");
    readFile(file).then(
      (content) => response.writeHead(200, { ...headers, "content-type": TYPES[extname(file)] ?? "text/plain" }).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
