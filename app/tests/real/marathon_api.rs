//! A small client of Marathon against the real binary, by curl: apps come, are changed, restarted and go. No Java needed.

use std::process::Command;

use expect_test::expect_file;

use crate::home::Home;
use crate::stack_deploy::Server;

/// What changes from run to run is replaced.
const SCRIPT: &str = r#"set -eu
    url="http://$SD_API"
    api() {
        method=$1; path=$2; shift 2
        echo "> $method $path $*"
        curl -sS -X "$method" -u "admin:$SD_KEY" -w '\n%{http_code} %header{marathon-deployment-id}\n' "$url$path" "$@" |
            sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g
                s/127(\.[0-9]+){3}/HOST/g; s/"ports":\[[0-9]+\]/"ports":[PORT]/g'
    }
    settled() {
        for _ in $(seq 300); do
            [ "$(curl -sS -u "admin:$SD_KEY" "$url/v2/deployments")" != "[]" ] || return 0
            sleep 0.1
        done
        echo "a deployment does not end"
    }
    curl -sS "$url/ping"; echo
    curl -sS -o /dev/null -w '%{http_code}\n' "$url/v2/apps"
    curl -sS -o /dev/null -w '%{http_code}\n' -u admin:wrong "$url/v2/apps"
    api GET /v2/info
    api GET /v2/apps
    api POST /v2/apps -d @web.json | sed 's/,"tasks.*/ …/'
    settled
    api POST /v2/apps -d @web.json
    api GET /v2/apps/prod/web
    api PUT /v2/apps//prod/web -d '{"instances": 3}'
    settled
    api GET /v2/apps/prod/web/tasks
    api PUT /v2/apps/prod/web -d '{"env": {"LEVEL": "debug"}, "labels": null}'
    settled
    api POST /v2/apps/prod/web/restart
    settled
    api GET '/v2/apps?cmd=sleep&id=web'
    api GET '/v2/apps?label=team==front'
    api GET /v2/apps/prod/web/versions
    api PUT /v2/apps/new -d '{"cmd": "exec sleep 1000", "cpus": 0.01, "mem": 8}'
    settled
    api GET '/v2/tasks'
    api PUT /v2/apps -d '[{"id": "new", "instances": 2}]'
    api DELETE /v2/apps/new
    api DELETE /v2/apps/prod/web
    settled
    api GET /v2/apps
    api DELETE /v2/apps/new
    api GET /v2/apps/nowhere
    api POST /v2/apps/prod/web/restart
    api POST /v2/apps/prod/web
    api POST /v2/apps -d '{"id": "/a", "cmd": "x", '
    api POST /v2/apps -d '[]'
    api POST /v2/apps -d '{"cmd": "x"}'
    api POST /v2/apps -d '{"id": "/a", "instances": "many", "dependencies": ["/b"]}'
"#;

const WEB: &str = r#"{"id": "/prod/web", "cmd": "touch well; exec sleep 1000", "cpus": 0.01, "mem": 8, "instances": 2, "labels": {"team": "front"},
    "healthChecks": [{"protocol": "COMMAND", "command": {"value": "test -e well"}, "intervalSeconds": 1}]}"#;

#[test]
fn a_small_client_of_marathon() {
    let home = Home::new();
    let server = Server::start(&home);
    let work = home.path().join("work");
    std::fs::create_dir(&work).expect("a directory");
    std::fs::write(work.join("web.json"), WEB).expect("a file");
    let ran = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(&work)
        .env("SD_API", &server.address)
        .env("SD_KEY", &server.key)
        .output()
        .expect("sh runs");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    expect_file!["marathon_api/told.txt"].assert_eq(&told);
}
