//! The inbox's files, beside the API and the gateway on the same port.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use messaging_settings::Settings;
use messaging_web::no_such_path;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};

use crate::demo::Demo;

/// The paths of the services; what is not found under them is not found, and no page.
const SERVICES: [&str; 6] = ["api", "socket.io", "ws", "health", "metrics", DEMO];

/// Where a demo tells its users' tokens.
const DEMO: &str = "demo.json";

/// The folder of files whose names change with what is in them.
const HASHED: &str = "assets";

/// Nothing from elsewhere. `blob:` are pictures that were fetched with the token.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; \
     connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

const FOR_EVER: (HeaderName, HeaderValue) = (
    CACHE_CONTROL,
    HeaderValue::from_static("public, max-age=31536000, immutable"),
);
const REVALIDATE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));
const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// Reads `WEB_DIR`: the folder of the built inbox.
pub(crate) fn folder(settings: &mut Settings) -> Option<PathBuf> {
    let folder: PathBuf = settings.optional("WEB_DIR")?;
    if !folder.join("index.html").is_file() {
        settings.fault("WEB_DIR", "must be a folder with an index.html");
    }
    Some(folder)
}

/// Adds the inbox to the services' paths: a file of the folder, or `index.html` for each path that is neither that nor theirs; and
/// `/demo.json` with a demo's users and their tokens.
///
/// The page may use the services it was served beside, whatever name or port it was asked for by: `CORS_ORIGINS` is for pages from elsewhere.
pub(crate) fn with_inbox(router: Router, folder: &Path, demo: Option<Demo>) -> Router {
    let page = compressed_file(ServeFile::new(folder.join("index.html")));
    let files = ServeDir::new(folder)
        .precompressed_br()
        .precompressed_gzip();
    let router = match demo {
        Some(demo) => router.route(
            &format!("/{DEMO}"),
            get(async move || ([NO_STORE], Json(demo))),
        ),
        None => router,
    };
    router
        .fallback(async move |request: Request| serve(&files, &page, request).await)
        .layer(map_request(forget_own_origin))
}

/// Takes `Origin` away from what the inbox itself has asked for: browsers name it at each POST and WebSocket, and nobody can list a name
/// or port that is not known before the start.
async fn forget_own_origin(mut request: Request) -> Request {
    if is_own_origin(request.headers()) {
        request.headers_mut().remove(ORIGIN);
    }
    request
}

/// Whether the page that asks came from the host and port that it asks. A front that ends TLS may have changed the scheme.
fn is_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, authority)| text(HOST).is_some_and(|host| host == authority))
}

fn compressed_file(file: ServeFile) -> ServeFile {
    file.precompressed_br().precompressed_gzip()
}

async fn serve(files: &ServeDir, page: &ServeFile, request: Request) -> Response {
    let first = first_segment(request.uri().path());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if SERVICES.contains(&first) || !is_read {
        return no_such_path().await.into_response();
    }
    if first == HASHED {
        // A page of an earlier release asks for files of its own: these must not be answered with a page.
        let Ok(file) = files.clone().oneshot(request).await;
        return match file.status() {
            StatusCode::NOT_FOUND => no_such_path().await.into_response(),
            _ => with_headers(file.map(Body::new), FOR_EVER),
        };
    }
    let Ok(found) = files.clone().fallback(page.clone()).oneshot(request).await;
    with_headers(found.map(Body::new), REVALIDATE)
}

fn with_headers(mut response: Response, (name, value): (HeaderName, HeaderValue)) -> Response {
    let headers = response.headers_mut();
    headers.insert(name, value);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn first_segment(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use messaging_auth::JwtSecret;
    use messaging_web::method_not_allowed;

    use super::*;

    /// What is answered: status, headers and text.
    type Answer = (u16, HeaderMap, String);

    struct Served {
        router: Router,
        _folder: tempfile::TempDir,
    }

    impl Served {
        fn new(demo: Option<Demo>) -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
            fs::create_dir(folder.path().join("assets")).expect("a folder");
            write("index.html", "the page").expect("it is written");
            write("robots.txt", "a file").expect("it is written");
            write("assets/app-1a2b.js", "a script").expect("it is written");
            let services = Router::new()
                .route("/metrics", get(async || "a service's"))
                .route(
                    "/api/origin",
                    get(async |headers: HeaderMap| {
                        headers
                            .get(ORIGIN)
                            .map_or("none".into(), |value| format!("{value:?}"))
                    }),
                )
                .fallback(no_such_path)
                .method_not_allowed_fallback(method_not_allowed);
            Self {
                router: with_inbox(services, folder.path(), demo),
                _folder: folder,
            }
        }

        async fn answer(&self, method: &str, path: &str) -> Answer {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).expect("a request");
            let Ok(answer) = self.router.clone().oneshot(request).await;
            let (head, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, 1 << 16).await.expect("a body");
            let text = String::from_utf8(body.to_vec()).expect("text");
            (head.status.as_u16(), head.headers, text)
        }
    }

    #[tokio::test]
    async fn the_page_answers_for_its_own_paths_and_the_files_for_theirs() {
        let served = Served::new(None);
        for path in [
            "/",
            "/c/0123",
            "/c/0123?q=1",
            "/index.html",
            "/nothing",
            "/apiary",
        ] {
            let (status, headers, text) = served.answer("GET", path).await;
            assert_eq!((status, text.as_str()), (200, "the page"), "{path}");
            assert_eq!(headers[CACHE_CONTROL], "no-cache", "{path}");
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(
                policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
        }
        assert_eq!(served.answer("GET", "/robots.txt").await.2, "a file");
        let (status, headers, text) = served.answer("GET", "/assets/app-1a2b.js").await;
        assert_eq!((status, text.as_str()), (200, "a script"));
        assert!(
            headers[CACHE_CONTROL]
                .to_str()
                .is_ok_and(|value| value.contains("immutable"))
        );
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[tokio::test]
    async fn what_is_not_found_of_the_services_and_of_an_earlier_release_is_no_page() {
        let served = Served::new(None);
        assert_eq!(served.answer("GET", "/metrics").await.2, "a service's");
        let missing = [
            ("GET", "/api/nothing"),
            ("GET", "/socket.io"),
            ("GET", "/health/nothing"),
            ("GET", "/assets/app-0000.js"),
            ("GET", "/assets/../../Cargo.toml"),
            ("POST", "/"),
            ("DELETE", "/c/0123"),
        ];
        for (method, path) in missing {
            let (status, headers, text) = served.answer(method, path).await;
            assert_eq!(status, 404, "{method} {path}: {text}");
            assert_eq!(
                headers["content-type"], "application/problem+json",
                "{method} {path}"
            );
        }
        assert_eq!(served.answer("POST", "/metrics").await.0, 405);
    }

    #[tokio::test]
    async fn the_services_hear_of_the_origin_of_pages_from_elsewhere_only() {
        let served = Served::new(None);
        let cases = [
            ("http://localhost:8000", "localhost:8000", "none"),
            ("https://inbox.example", "inbox.example", "none"),
            ("http://localhost:8001", "localhost:8000", "named"),
            ("http://localhost", "localhost:8000", "named"),
            ("https://inbox.example.org", "inbox.example", "named"),
            ("null", "null", "named"),
        ];
        for (origin, host, heard) in cases {
            let request = Request::get("/api/origin")
                .header(ORIGIN, origin)
                .header(HOST, host);
            let request = request.body(Body::empty()).expect("a request");
            let Ok(answer) = served.router.clone().oneshot(request).await;
            let body = axum::body::to_bytes(answer.into_body(), 1 << 16).await;
            let expected = match heard {
                "none" => "none".to_owned(),
                _ => format!("{origin:?}"),
            };
            assert_eq!(body.expect("a body"), expected, "{origin} at {host}");
        }
    }

    #[tokio::test]
    async fn only_a_demo_tells_its_users_tokens_and_nothing_keeps_them() {
        assert_eq!(Served::new(None).answer("GET", "/demo.json").await.0, 404);
        let secret = JwtSecret::new("a secret of thirty-two bytes, at least".to_owned());
        let demo = Demo::new(&secret).expect("tokens");
        let (status, headers, text) = Served::new(Some(demo)).answer("GET", "/demo.json").await;
        assert_eq!(
            (status, &headers[CACHE_CONTROL]),
            (200, &HeaderValue::from_static("no-store"))
        );
        let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(told["users"][1]["userId"], "demo-freelancer");
        assert_eq!(told["contracts"][0]["milestones"][0]["id"], "first-draft");
    }
}
