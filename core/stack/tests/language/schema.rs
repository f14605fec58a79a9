//! The JSON Schema: what it offers editors, for one kind of application.

use expect_test::expect_file;
use smack_stack::{FieldSchema, FieldType, KindSchema, json_schema};

#[test]
fn kinds_and_their_settings_are_in_the_schema() {
    let fields = [
        FieldSchema {
            name: "instances",
            type_: FieldType::Integer,
            doc: "How many brokers.",
        },
        FieldSchema {
            name: "heap",
            type_: FieldType::Memory,
            doc: "Heap of each.",
        },
        FieldSchema {
            name: "mode",
            type_: FieldType::Choice(&["kraft", "zookeeper"]),
            doc: "Who keeps the metadata.",
        },
    ];
    let schema = json_schema(&[KindSchema {
        kind: "kafka",
        doc: "Apache Kafka.",
        fields: &fields,
    }]);
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    expect_file!["../schema.json"].assert_eq(&text);
    assert_eq!(
        schema["$defs"]["common"]["properties"]["type"]["anyOf"][0]["enum"][0],
        "kafka"
    );
    let keys: Vec<&str> = schema["properties"]
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    for key in [
        "name",
        "from",
        "level",
        "parent",
        "grid",
        "parameters",
        "applications",
        "final",
        "limits",
    ] {
        assert!(keys.contains(&key), "{key}");
    }
}

#[test]
fn every_reference_in_the_schema_has_its_definition() {
    let schema = json_schema(&[KindSchema {
        kind: "x",
        doc: "",
        fields: &[],
    }]);
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schema["$defs"].get(name).is_some(), "{name}");
    }
}
