//! The files of a node, all in its sandbox: configuration, place, logging, and `bin/nodetool` for people and operations.

use smack_model::{Content, FilePlace, FileSpec, OnChange, Piece, Template};

use super::Node;
use super::settings::Ring;
use super::yaml::{Document, quoted};
use crate::names::label;

/// The lines of logging to the standard output.
const LOGGING: &str = r#"<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level [%thread] %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"#;

/// Without it the tools write DEBUG lines into their own output.
const TOOL_LOGGING: &str = r#"<configuration>
  <appender name="error" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="error"/></root>
</configuration>
"#;

pub(super) fn of(ring: &Ring<'_>, node: &Node) -> Vec<FileSpec> {
    let file = |path: &str, content: Template| FileSpec {
        place: FilePlace::Sandbox,
        path: path.to_owned(),
        content: Content::Text(content),
        on_change: OnChange::Restart,
    };
    let place = format!("dc={}\nrack={}\n", ring.data_center, node.rack);
    vec![
        file("cassandra.yaml", configuration(ring, node)),
        file("cassandra-rackdc.properties", place.into()),
        file("logback.xml", LOGGING.into()),
        file("logback-tools.xml", TOOL_LOGGING.into()),
        file("bin/nodetool", nodetool(ring)),
    ]
}

/// The catalog's, the stack's, and what only smack can know. Nothing in it depends on how many nodes there are.
fn configuration(ring: &Ring<'_>, node: &Node) -> Template {
    let mut document = Document::new(&ring.jvm.entry.minimal);
    for (key, value) in &ring.config {
        document.set(key, value.clone());
    }
    let tokens: Vec<String> = node.tokens.iter().map(i64::to_string).collect();
    let own_address = || quoted(&Piece::Address(None).into());
    document.set("cluster_name", quoted(&ring.cluster.as_str().into()));
    document.set("num_tokens", ring.tokens.to_string());
    document.set("initial_token", quoted(&tokens.join(",").into()));
    document.set("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner");
    document.set("endpoint_snitch", "GossipingPropertyFileSnitch");
    document.set("listen_address", own_address());
    document.set("rpc_address", own_address());
    document.set("native_transport_port", Piece::Port(None, label("cql")));
    document.set("storage_port", Piece::Port(None, label("storage")));
    let seeds = quoted(&Piece::Seeds(ring.seeds).into());
    let provider =
        "[{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: ";
    document.set(
        "seed_provider",
        Template::from(provider).then(&seeds).text("}]}]"),
    );
    document.text()
}

/// What the system properties of a node say: its files, its data, its address for management, and whom it replaces.
pub(super) fn properties(ring: &Ring<'_>) -> Vec<Template> {
    let mut properties = always(ring);
    if ring.scope.is_some() {
        // Its rows are fetched when all nodes of its data center are there.
        let joining = Template::from("-Dcassandra.auto_bootstrap=false");
        properties.push(Piece::Joining(joining).into());
    }
    properties
}

fn always(ring: &Ring<'_>) -> Vec<Template> {
    let in_sandbox = |name: &str, file: &str| Template::from(name).piece(Piece::Sandbox).text(file);
    let own = |name: &str| Template::from(name).piece(Piece::Address(None));
    let replacing = |text: Template| Template::from(Piece::Replacing(text));
    vec![
        in_sandbox("-Dcassandra.config=file:", "/cassandra.yaml"),
        in_sandbox(
            "-Dcassandra-rackdc.properties=file:",
            "/cassandra-rackdc.properties",
        ),
        in_sandbox("-Dlogback.configurationFile=", "/logback.xml"),
        Template::from("-Dcassandra.storagedir=").piece(Piece::Volume(label("data"))),
        // Unpacked native code goes with the sandbox.
        in_sandbox("-Djava.io.tmpdir=", ""),
        in_sandbox("-Djna.tmpdir=", ""),
        format!("-Dcassandra.ring_delay_ms={}", ring.ring_delay.0).into(),
        // A node waits for its peers' connections before it serves, so waiting for quiet gossip, 8 s, adds nothing.
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".into(),
        // Where management is found once `bin/nodetool` has opened it.
        own("-Djava.rmi.server.hostname="),
        replacing(own("-Dcassandra.replace_address_first_boot=")),
        // How long a replacement listens for the one it replaces; the product's 60 s are for large rings.
        replacing("-Dcassandra.broadcast_interval_ms=10000".into()),
    ]
}

/// A script for `smack exec` and for operations: `bin/nodetool status`. It opens the node for management at its first
/// call, over the virtual machine's own attach protocol: started with the node, the agent would listen on every address of
/// the machine as well, and the product's own would take 127.0.0.1 for all nodes.
fn nodetool(ring: &Ring<'_>) -> Template {
    let entry = ring.jvm.entry;
    let class = entry.tool_classes.get("nodetool");
    let class = class.map_or("org.apache.cassandra.tools.NodeTool", String::as_str);
    let assigned =
        |name: &str, piece: Piece| Template::from(format!("{name}='")).piece(piece).text("'\n");
    let options: String = entry
        .jvm_flags
        .iter()
        .filter(|flag| flag.starts_with("--add-"))
        .map(|flag| format!("  {flag} \\\n"))
        .collect();
    Template::from("#!/bin/sh\n")
        .then(&assigned("java", Piece::Java))
        .then(&assigned("sandbox", Piece::Sandbox))
        .then(&assigned("address", Piece::Address(None)))
        .then(&assigned("port", Piece::Port(None, label("jmx"))))
        .then(&assigned("jars", Piece::ClassPath(entry.name())))
        .text(OPEN_MANAGEMENT)
        .text("exec \"$java\" -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \\\n")
        .text(options)
        // Its history goes with the sandbox, not into somebody's home.
        .text("  \"-Duser.home=$sandbox\" \"-Djava.io.tmpdir=$sandbox\" \"-Dcassandra.storagedir=$sandbox\" \\\n")
        .text("  \"-Dlogback.configurationFile=$sandbox/logback-tools.xml\" \\\n")
        .text(format!(
            "  -cp \"$jars\" {class} -h \"$address\" -p \"$port\" \"$@\"\n"
        ))
}

/// The node is the process that runs in the sandbox; a sandbox has one.
const OPEN_MANAGEMENT: &str = r#"open_management() {
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/cwd" 2>/dev/null)" = "$sandbox" ] &&
        grep -qs 'CassandraDaemo[n]' "$process/cmdline"; then
      "$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -m jdk.jcmd/sun.tools.jcmd.JCmd "${process#/proc/}" \
        ManagementAgent.start "jmxremote.port=$port" "jmxremote.rmi.port=$port" "jmxremote.host=$address" \
        jmxremote.authenticate=false jmxremote.ssl=false >"$sandbox/management.log" 2>&1
      return
    fi
  done
  echo 'the node does not run' >"$sandbox/management.log"
  return 1
}
if [ ! -e "$sandbox/management" ]; then
  if open_management; then : >"$sandbox/management"; else cat "$sandbox/management.log" >&2; fi
fi
"#;
