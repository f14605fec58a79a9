//! Traces as Zipkin v2 JSON: the list of spans that `POST /api/v2/spans` takes, and `GET /api/v2/trace/{id}` gives.

use serde_json::{Value, json};

use super::{Span, Trace};

/// The spans of a trace; the application is the service, times are in microseconds.
pub fn spans(trace: &Trace) -> Vec<Value> {
    trace.spans.iter().map(|span| shown(trace, span)).collect()
}

fn shown(trace: &Trace, span: &Span) -> Value {
    let mut value = json!({
        "traceId": trace.id,
        "id": span.id,
        "name": span.full_name(),
        "timestamp": span.from_ms * 1000,
        // Of no time at all none is known.
        "duration": ((span.until_ms - span.from_ms) * 1000).max(1),
        "localEndpoint": {"serviceName": span.service()},
        "tags": span.tags,
    });
    if let Some(parent) = &span.parent {
        value["parentId"] = json!(parent);
    }
    if !span.annotations.is_empty() {
        let annotations = span.annotations.iter();
        value["annotations"] = annotations
            .map(|(at, text)| json!({"timestamp": at * 1000, "value": text}))
            .collect();
    }
    value
}
