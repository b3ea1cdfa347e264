//! What browsers get from the switchboard beside SIP: the softphone and the package it is made with, from files.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use offhook::HttpService;
use offhook::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use offhook::http::{Method, Request, Response, StatusCode};

/// Where SIP over WebSocket is spoken.
pub const WEBSOCKET_PATH: &str = "/ws";
/// Where the package is served.
const PACKAGE_PATH: &str = "offhook";
/// What of the package a browser needs.
const PACKAGE_FOLDERS: [&str; 2] = ["dist", "wasm"];

/// The files that are served, by extension, and their types. A browser compiles WebAssembly while it comes in only if
/// it is called that.
const TYPES: [(&str, &str); 13] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("wasm", "application/wasm"),
];

/// A folder at `/`, a package's `dist` and `wasm` at `/offhook/`, and `/healthz`.
#[derive(Clone, Debug)]
pub struct Site {
    web: PathBuf,
    package: PathBuf,
}

impl Site {
    /// Serves the folder `web` at `/` and the package in the folder `package` at `/offhook/`.
    pub fn new(web: impl Into<PathBuf>, package: impl Into<PathBuf>) -> Site {
        Site { web: web.into(), package: package.into() }
    }

    /// The softphone and the package of this source tree.
    pub fn of_source_tree() -> Site {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Site::new(here.join("softphone"), here.join("../js"))
    }

    /// With this folder at `/`.
    #[must_use]
    pub fn with_web(mut self, web: impl Into<PathBuf>) -> Site {
        self.web = web.into();
        self
    }

    /// With this package at `/offhook/`.
    #[must_use]
    pub fn with_package(mut self, package: impl Into<PathBuf>) -> Site {
        self.package = package.into();
        self
    }

    /// For the driver's HTTP listener, with SIP over WebSocket at [`WEBSOCKET_PATH`].
    pub fn service(self) -> HttpService {
        HttpService::new(WEBSOCKET_PATH, move |request| self.answer(&request))
    }

    /// Answers a request. Reads files as they are at this moment.
    pub fn answer(&self, request: &Request<()>) -> Response<Bytes> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if request.uri().path() == "/healthz" {
            return plain(StatusCode::OK);
        }
        let Some(file) = self.file(request.uri().path()) else { return plain(StatusCode::NOT_FOUND) };
        let kind = file.extension().and_then(|extension| extension.to_str()).and_then(kind_of);
        match (kind, std::fs::read(&file)) {
            (Some(kind), Ok(content)) => respond(StatusCode::OK, kind, content.into()),
            _ => plain(StatusCode::NOT_FOUND),
        }
    }

    /// The file a path names, if it lies within a folder that is served.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let mut parts = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            parts.push(offhook_core::message::unescape(part).into_owned());
        }
        // No file that is served has such a name; `..`, drive letters and hidden files are among them.
        let is_odd = |part: &String| part.starts_with('.') || part.contains(['/', '\\', ':', '\0']);
        if parts.iter().any(is_odd) {
            return None;
        }
        let (root, rest) = match parts.split_first() {
            Some((first, rest)) if first == PACKAGE_PATH => {
                rest.first().filter(|folder| PACKAGE_FOLDERS.contains(&folder.as_str()))?;
                (&self.package, rest)
            }
            _ => (&self.web, &parts[..]),
        };
        let root = root.canonicalize().ok()?;
        let mut file = rest.iter().fold(root.clone(), |file, part| file.join(part));
        if path.ends_with('/') || file.is_dir() {
            file.push("index.html");
        }
        // A link may lead out.
        file.canonicalize().ok().filter(|file| file.starts_with(&root))
    }
}

fn kind_of(extension: &str) -> Option<&'static str> {
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension)).map(|(_, kind)| *kind)
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let words = format!("{}\n", status.canonical_reason().unwrap_or_default());
    respond(status, "text/plain; charset=utf-8", words.into())
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Files change while somebody works on them.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a page and a package, and something beside them that is nobody's business.
    fn site(name: &str) -> Site {
        let root = std::env::temp_dir().join(format!("offhook-web-{name}-{}", std::process::id()));
        for (file, content) in [
            ("web/index.html", "page"),
            ("web/dist/app.js", "app"),
            ("web/.hidden.txt", "hidden"),
            ("web/notes.md", "notes"),
            ("js/dist/index.js", "package"),
            ("js/wasm/a.wasm", "\0asm"),
            ("js/package.json", "{}"),
            ("secret.txt", "secret"),
        ] {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        Site::new(root.join("web"), root.join("js"))
    }

    fn get(site: &Site, path: &str) -> (u16, String, Bytes) {
        let response = site.answer(&Request::get(path).body(()).unwrap());
        let kind = response.headers().get(CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        (response.status().as_u16(), kind, response.into_body())
    }

    #[test]
    fn files_come_with_their_types() {
        let site = site("types");
        for (path, kind, content) in [
            ("/", "text/html; charset=utf-8", "page"),
            ("/?aor=alice", "text/html; charset=utf-8", "page"),
            ("/index.html", "text/html; charset=utf-8", "page"),
            ("/dist/app.js", "text/javascript; charset=utf-8", "app"),
            ("/offhook/dist/index.js", "text/javascript; charset=utf-8", "package"),
            ("/offhook/wasm/a.wasm", "application/wasm", "\0asm"),
            ("/healthz", "text/plain; charset=utf-8", "OK\n"),
        ] {
            assert_eq!(get(&site, path), (200, kind.to_owned(), Bytes::from(content)), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_served() {
        let site = site("else");
        for path in [
            "/../secret.txt",
            "/dist/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/..%5csecret.txt",
            "/offhook/../secret.txt",
            "/offhook/dist/../../secret.txt",
            "/offhook/package.json",
            "/offhook/",
            "//etc/passwd",
            "/.hidden.txt",
            "/notes.md",
            "/dist/",
            "/nothing.js",
            "/index.html%00.js",
        ] {
            assert_eq!(get(&site, path).0, 404, "{path}");
        }
        let response = site.answer(&Request::post("/").body(()).unwrap());
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_lead_out() {
        let site = site("links");
        let link = site.web.join("link.txt");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(site.web.join("../secret.txt"), link).unwrap();
        assert_eq!(get(&site, "/link.txt").0, 404);
    }
}
