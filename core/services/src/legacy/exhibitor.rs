//! `exhibitor-mesos-0.1.x`: ZooKeepers, each below an Exhibitor. smack does what that did.

use super::tasks::Tasks;

pub(super) fn translate(tasks: &mut Tasks<'_>) {
    tasks.ids("id");
    tasks.resources("cpu");
    tasks.port("client-port", "client");
    tasks.port("connect-port", "quorum");
    tasks.port("election-port", "election");
    tasks.constraints();
    tasks.times();
    tasks.jvm_options("java-options");
    // `k=v&k=v` in its own form.
    tasks.config("zoo-cfg-extra", &["clientPort", "dataDir", "server."]);
    tasks.dropped(
        &["port"],
        "it was the port of Exhibitor's page; client-port is that of ZooKeeper",
    );
    tasks.rest_dropped("it belonged to Exhibitor: smack keeps the ensemble itself");
}
