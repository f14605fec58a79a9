//! Traces as OTLP/HTTP JSON: the body of `POST /v1/traces` (OpenTelemetry protocol 1.x, the JSON form of its messages).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Span, Trace};

/// `SPAN_KIND_INTERNAL` and `STATUS_CODE_ERROR`.
const INTERNAL: u32 = 1;
const ERROR: u32 = 2;

/// The spans of a trace, those of an application as one resource.
pub fn request(trace: &Trace) -> Value {
    let mut services: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for span in &trace.spans {
        let of_service = services.entry(span.service()).or_default();
        of_service.push(shown(trace, span));
    }
    let resources: Vec<Value> = services
        .into_iter()
        .map(|(service, spans)| {
            let attributes = [("service.name", service), ("service.namespace", &trace.vdc)];
            json!({
                "resource": {"attributes": attributes.map(attribute)},
                "scopeSpans": [{"scope": {"name": "smack"}, "spans": spans}],
            })
        })
        .collect();
    json!({"resourceSpans": resources})
}

fn attribute((key, value): (&str, &str)) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn shown(trace: &Trace, span: &Span) -> Value {
    let tags = span.tags.iter();
    let attributes = tags.map(|(key, value)| attribute((key.as_str(), value.as_str())));
    let mut value = json!({
        "traceId": format!("{:0>32}", trace.id),
        "spanId": span.id,
        "name": span.full_name(),
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(span.from_ms),
        "endTimeUnixNano": nanoseconds(span.until_ms),
        "attributes": attributes.collect::<Vec<_>>(),
    });
    if let Some(parent) = &span.parent {
        value["parentSpanId"] = json!(parent);
    }
    if !span.annotations.is_empty() {
        let events = span.annotations.iter();
        value["events"] = events
            .map(|(at, text)| json!({"timeUnixNano": nanoseconds(*at), "name": text}))
            .collect();
    }
    if let Some(error) = span.tags.get("error") {
        value["status"] = json!({"code": ERROR, "message": error});
    }
    value
}

/// The JSON form of protocol buffers writes 64 bits as text.
fn nanoseconds(milliseconds: u64) -> String {
    format!("{milliseconds}000000")
}
