//! `smack convert`.

use expect_test::expect;

use super::check;
use crate::support::Smack;

const OLD: &str = "name: old
applications:
  zk:
    type: exhibitor-mesos-0.1.x
    id: zk
    cpu: 0.1
    mem: 256
    launch_command: java -jar mesos-exhibitor.jar
    tasks: {all: {id: '0..2', mem: '${mem}', configtype: zookeeper}}
  hello:
    type: run-once
    id: hello
    cpu: 0.1
    mem: 8
    launch_command: echo ${zk.zkConnect}
    dependencies: [zk]
";

#[test]
fn an_old_file_in_the_language_of_today() {
    let smack = Smack::alone();
    smack.file("old.stack", OLD);
    check(
        &smack,
        &["convert", "old.stack", "--var", "mem=256"],
        &expect![[r#"
            exit 0
            out: # old.stack:4:5 (stack old): zk runs as type: zookeeper
            out: #   hint: without effect, for its scheduler is not needed any more: cpu, mem, launch_command
            out: # old.stack:9:46 (stack old): configtype of the tasks of zk is without effect
            out: #   hint: it belonged to Exhibitor: smack keeps the ensemble itself
            out: # run old in default
            out: name: old
            out: applications:
            out:   hello:
            out:     type: job
            out:     id: hello
            out:     grid: local
            out:     cpu: 0.1
            out:     mem: 8
            out:     launch_command: "echo ${zk.zkConnect}"
            out:     retry:
            out:       max-tries: 1
            out:     once: true
            out:     dependencies:
            out:       - zk
            out:   zk:
            out:     type: zookeeper
            out:     id: zk
            out:     grid: local
            out:     ids: 0..2
            out:     mem: 256
        "#]],
    );
    check(
        &smack,
        &["convert", "old.stack", "--var", "mem=256", "-o", "new.yaml"],
        &expect![[r#"
            exit 0
            err: new.yaml is old.stack in today's language; 2 things changed
        "#]],
    );
    check(
        &smack,
        &["convert", "new.yaml"],
        &expect![[r#"
        exit 0
        out: # run old in default
        out: name: old
        out: applications:
        out:   hello:
        out:     type: job
        out:     id: hello
        out:     grid: local
        out:     cpu: 0.1
        out:     mem: 8
        out:     launch_command: "echo ${zk.zkConnect}"
        out:     retry:
        out:       max-tries: 1
        out:     once: true
        out:     dependencies:
        out:       - zk
        out:   zk:
        out:     type: zookeeper
        out:     id: zk
        out:     grid: local
        out:     ids: 0..2
        out:     mem: 256
    "#]],
    );
}

#[test]
fn nothing_is_overwritten_and_wrong_files_are_told() {
    let smack = Smack::alone();
    smack.file("old.stack", OLD);
    smack.file("new.yaml", "");
    check(
        &smack,
        &["convert", "old.stack", "--var", "mem=256", "-o", "new.yaml"],
        &expect![[r#"
            exit 1
            err: error: cannot write new.yaml: File exists (os error 17)
        "#]],
    );
    check(
        &smack,
        &["convert", "old.stack"],
        &expect![[r#"
        exit 1
        err: old.stack:9:31 (stack old): error: ${mem} stands for nothing
        err:   hint: declare it: parameters: {mem: {type: string}}, or give it: --var mem=…
        err: error: 1 problem
    "#]],
    );
    check(
        &smack,
        &["convert", "old"],
        &expect![[r#"
        exit 2
        err: error: old is no file
        err:   hint: convert reads a stack file
    "#]],
    );
}

#[test]
fn an_app_of_marathon_in_the_language_of_today() {
    let smack = Smack::alone();
    let app = r#"{"id": "/web", "cmd": "exec ./web ${PORT0}", "cpus": 0.1, "healthChecks": [{}], "killSelection": "OLDEST_FIRST"}"#;
    smack.file("web.json", app);
    check(
        &smack,
        &["convert", "web.json"],
        &expect![[r#"
            exit 0
            out: # web.json:1:2: id of /web is the name of the application now
            out: # web.json:1:16: cmd of /web is launch_command now
            out: # web.json:1:46: cpus of /web is cpu now
            out: # web.json:1:59: healthChecks of /web is healthcheck now
            out: # web.json:1:81 (stack web): killSelection of /web is dropped
            out: #   hint: of fewer instances the last ones end
            out: # run web in default
            out: name: web
            out: applications:
            out:   web:
            out:     type: command
            out:     id: web
            out:     grid: local
            out:     launch_command: "exec ./web $${PORT0}"
            out:     cpu: 0.1
            out:     mem: 128
            out:     ports:
            out:       - any
            out:     env:
            out:       MARATHON_APP_ID: /web
            out:       MARATHON_APP_RESOURCE_CPUS: "0.1"
            out:       MARATHON_APP_RESOURCE_MEM: "128.0"
            out:       MARATHON_APP_RESOURCE_DISK: "0.0"
            out:       MARATHON_APP_RESOURCE_GPUS: "0"
            out:       MARATHON_APP_LABELS: ""
            out:     healthcheck:
            out:       http: /
            out:       port: port0
            out:       every: 60s
            out:       timeout: 20s
            out:       failures: 3
            out:       grace: 300s
            out:     retry:
            out:       delay: 1s
            out:       max-delay: 300s
            out:       max-tries: 0
        "#]],
    );
}
