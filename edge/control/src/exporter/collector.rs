//! A collector of traces that the settings name.

use std::fmt;

use axum::http::Uri;

/// Where traces are sent, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    format: Format,
    url: String,
    host: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Zipkin v2 JSON.
    Zipkin,
    /// OTLP/HTTP as JSON.
    Otlp,
}

impl Collector {
    /// One that takes Zipkin v2 JSON: `http://host:9411`, or with the path of its spans. The error says what is wrong.
    pub fn zipkin(url: &str) -> Result<Self, String> {
        Self::new(Format::Zipkin, url, "/api/v2/spans")
    }

    /// One that takes OTLP over HTTP as JSON: `http://host:4318`, or with the path of its traces.
    pub fn otlp(url: &str) -> Result<Self, String> {
        Self::new(Format::Otlp, url, "/v1/traces")
    }

    fn new(format: Format, url: &str, path: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "this is no URL".to_owned())?;
        let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("write a URL like http://127.0.0.1:9411{path}"));
        };
        if authority.host().is_empty() {
            return Err("the URL names no host".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let url = match uri.path() {
            "" | "/" => format!("{}{path}", url.trim_end_matches('/')),
            _ => url.to_owned(),
        };
        Ok(Self { format, url, host })
    }

    /// As it can be given again.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether it is on this machine, where no proxy leads.
    pub(super) fn is_here(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Collector {
    /// Without what may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.format {
            Format::Zipkin => "zipkin",
            Format::Otlp => "otlp",
        };
        write!(f, "{form} at {}", self.host)
    }
}
