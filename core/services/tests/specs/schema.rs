//! What the schema offers is what the services read.

use smack_services::{ALL, COMMON, FieldSchema, JAVA, OLD_KEYS, Service};

use crate::support::built;

/// The keys that a service asks for: told in the hint of an unknown key.
fn asked(service: &dyn Service) -> Vec<String> {
    let program = if service.is_on_java() {
        ""
    } else {
        "command: [x], "
    };
    let text = format!(
        "name: s\napplications:\n  a: {{type: {}, {program}zzzzzzzzzzzzzzzzzzzz: 1}}\n",
        service.kind()
    );
    let problems = built(&text).expect_err("an unknown key");
    let hint = problems
        .0
        .iter()
        .find_map(|problem| problem.hint.clone())
        .expect("a hint");
    let known = hint.strip_prefix("known are ").expect("all known keys");
    known.split(", ").map(str::to_owned).collect()
}

fn offered(service: &dyn Service) -> Vec<&'static str> {
    let java: &[FieldSchema] = if service.is_on_java() { JAVA } else { &[] };
    COMMON
        .iter()
        .chain(java)
        .chain(service.fields())
        .map(|field| field.key)
        .collect()
}

#[test]
fn every_key_that_is_read_is_offered_and_the_other_way_round() {
    for service in ALL {
        let (asked, offered) = (asked(*service), offered(*service));
        let kind = service.kind();
        for key in &offered {
            assert!(
                asked.iter().any(|asked| asked == key),
                "{kind}: {key} is offered, but not read"
            );
        }
        for key in &asked {
            let is_old =
                OLD_KEYS.contains(&key.as_str()) || (kind == "job" && key == "healthcheck");
            assert!(
                is_old || offered.contains(&key.as_str()),
                "{kind}: {key} is read, but not offered"
            );
        }
        assert!(
            service
                .fields()
                .iter()
                .all(|field| field.doc.ends_with('.')),
            "{kind}: a doc is a sentence"
        );
    }
}

#[test]
fn the_json_schema_knows_every_type() {
    let schema = smack_services::application_schema();
    let branches = schema["allOf"].as_array().expect("a branch per type");
    assert_eq!(branches.len(), ALL.len());
    let kafka = &branches[1]["then"]["properties"];
    assert_eq!(kafka["instances"]["anyOf"][0]["anyOf"][0]["maximum"], 1000);
    assert_eq!(
        kafka["topics"]["anyOf"][0]["additionalProperties"]["additionalProperties"],
        false
    );
    assert!(kafka["launch_command"].is_null());
}
