//! What is told of an app: its definition as it was sent, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use smack_model::{Status, Timestamp};
use smack_scheduler::{TaskState, VdcStatus};
use smack_stack::MarathonFile;

use super::{Filter, Told};
use crate::api::legacy::uuid;
use crate::api::{Refused, Shared, runs};

/// There is one server, and it decides.
pub(super) const LEADER: &str = "localhost:8080";

/// An app that is up: alone, or one of a file.
pub(super) struct App {
    pub(super) path: String,
    pub(super) definition: Map<String, Value>,
    pub(super) vdc: Arc<VdcStatus>,
    /// All of the file that its virtual data center was made of.
    pub(super) file: MarathonFile,
    /// When that was sent.
    sent: Timestamp,
}

pub(super) fn info(shared: &Shared) -> Value {
    json!({
        "name": "smack",
        "version": env!("CARGO_PKG_VERSION"),
        "elected": true,
        "leader": LEADER,
        "frameworkId": Value::Null,
        "marathon_config": {"hostname": "localhost", "nodes": shared.nodes.len()},
        "http_config": {},
    })
}

/// All that are up, by their paths.
pub(super) fn all(shared: &Shared) -> Result<Vec<App>, Refused> {
    let view = Arc::clone(&shared.published.borrow().view);
    let mut apps = Vec::new();
    for vdc in view.vdcs.values() {
        let Some((text, sent)) = runs::text_of(shared, vdc)? else {
            continue;
        };
        let Some(file) = MarathonFile::read(&text) else {
            continue;
        };
        for (path, definition) in file.apps() {
            let Value::Object(definition) = definition else {
                continue;
            };
            apps.push(App {
                path,
                definition,
                vdc: Arc::clone(vdc),
                file: file.clone(),
                sent,
            });
        }
    }
    apps.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(apps)
}

pub(super) fn find(shared: &Shared, path: &str) -> Result<Option<App>, Told> {
    let mut apps = all(shared)?.into_iter();
    Ok(apps.find(|app| app.path == path && !app.vdc.record.down))
}

/// Those that are being carried out: one for each virtual data center, with its apps.
pub(super) fn deployments(shared: &Shared) -> Result<Vec<Value>, Refused> {
    let mut underway: BTreeMap<String, Vec<App>> = BTreeMap::new();
    for app in all(shared)? {
        if !app.vdc.is_converged() {
            underway.entry(app.deployment()).or_default().push(app);
        }
    }
    let deployments = underway.iter_mut().filter_map(|(id, apps)| {
        if apps.iter().any(App::is_changing) {
            apps.retain(App::is_changing);
        }
        let first = apps.first()?;
        let actions: Vec<Value> = apps.iter().map(App::action).collect();
        Some(json!({
            "id": id,
            "version": first.version(),
            "affectedApps": apps.iter().map(|app| &app.path).collect::<Vec<_>>(),
            "affectedPods": [],
            "steps": [{"actions": actions}],
            "currentActions": actions,
            "currentStep": 1,
            "totalSteps": 1,
        }))
    });
    Ok(deployments.collect())
}

impl App {
    pub(super) fn fits(&self, filter: &Filter) -> bool {
        let has = |key: &str, part: &Option<String>| {
            let text = self.definition.get(key).and_then(Value::as_str);
            part.as_ref()
                .is_none_or(|part| text.is_some_and(|text| text.contains(part.as_str())))
        };
        let labels = filter.label.as_deref().unwrap_or_default();
        let mut labels = labels.split(',').filter(|wanted| !wanted.is_empty());
        let of_label = |name: &str| self.definition.get("labels")?.get(name)?.as_str();
        let is_labelled = labels.all(|wanted| match wanted.split_once("==") {
            Some((name, value)) => of_label(name.trim()) == Some(value.trim()),
            None => of_label(wanted.trim()).is_some(),
        });
        let id = filter.id.as_ref();
        id.is_none_or(|id| self.path.contains(id.as_str()))
            && has("cmd", &filter.cmd)
            && is_labelled
    }

    pub(super) fn version(&self) -> String {
        self.sent.to_string()
    }

    /// The change that is carried out, or was last.
    pub(super) fn deployment(&self) -> String {
        let record = &self.vdc.record;
        let text = format!("{}#{}#{}", record.id, record.revision, record.updated.0);
        let digest = Sha256::digest(text);
        uuid(digest.first_chunk().unwrap_or(&[0; 16]))
    }

    /// As one who asks for it is answered.
    pub(super) fn shown(&self, with_tasks: bool) -> Value {
        let mut shown = self.definition.clone();
        for (key, value) in [
            ("cpus", json!(1)),
            ("mem", json!(128)),
            ("disk", json!(0)),
            ("instances", json!(1)),
            ("env", json!({})),
            ("labels", json!({})),
            ("constraints", json!([])),
            ("dependencies", json!([])),
            ("healthChecks", json!([])),
            ("fetch", json!([])),
        ] {
            shown.entry(key.to_owned()).or_insert(value);
        }
        let states = self.states();
        let count = |is: &dyn Fn(&Status) -> bool| {
            let found = states.iter().filter_map(|state| state.status.as_ref());
            json!(found.filter(|status| is(status)).count())
        };
        let deployments: Vec<Value> = if self.vdc.is_converged() {
            Vec::new()
        } else {
            vec![json!({"id": self.deployment()})]
        };
        let is_checked = self.is_checked();
        for (key, value) in [
            ("id", json!(self.path)),
            ("version", json!(self.version())),
            (
                "versionInfo",
                json!({"lastConfigChangeAt": self.version(), "lastScalingAt": self.version()}),
            ),
            ("deployments", json!(deployments)),
            (
                "tasksStaged",
                count(&|status| matches!(status, Status::Claimed | Status::Starting)),
            ),
            ("tasksRunning", count(&is_running)),
            (
                "tasksHealthy",
                count(&|status| is_checked && status.is_ready()),
            ),
            (
                "tasksUnhealthy",
                count(&|status| is_checked && is_running(status) && !status.is_ready()),
            ),
        ] {
            shown.insert(key.to_owned(), value);
        }
        if with_tasks {
            shown.insert("tasks".to_owned(), json!(self.tasks()));
        }
        Value::Object(shown)
    }

    fn is_checked(&self) -> bool {
        let checks = self
            .definition
            .get("healthChecks")
            .and_then(Value::as_array);
        checks.is_some_and(|checks| !checks.is_empty())
    }

    /// What its application is called.
    pub(super) fn application(&self) -> String {
        MarathonFile::name_of(&self.path).unwrap_or_default()
    }

    fn is_changing(&self) -> bool {
        let system = self.vdc.system(&self.application());
        system.is_some_and(|system| !system.converged)
    }

    fn states(&self) -> &[TaskState] {
        let system = self.vdc.system(&self.application());
        system.map_or(&[], |system| &system.tasks)
    }

    /// Those that have begun, and not ended.
    pub(super) fn tasks(&self) -> Vec<Value> {
        let application = self.application();
        let states = self.states().iter();
        states
            .filter_map(|state| self.task(&application, state))
            .collect()
    }

    fn task(&self, application: &str, state: &TaskState) -> Option<Value> {
        let status = state.status.as_ref().filter(|status| status.is_live())?;
        let word = match status {
            Status::Claimed | Status::Starting => "TASK_STAGING",
            Status::Unreachable => "TASK_UNREACHABLE",
            Status::Stopping { .. } => "TASK_KILLING",
            Status::Running { .. }
            | Status::Ready { .. }
            | Status::Draining { .. }
            | Status::Ended(_) => "TASK_RUNNING",
        };
        let host = state.address.as_deref().unwrap_or_default();
        let id = format!(
            "{}/{application}/{}#{}",
            self.vdc.record.id, state.name, state.attempt
        );
        let since = state.since.map(|since| since.to_string());
        let mut task = json!({
            "id": id,
            "appId": self.path,
            "host": host,
            "ipAddresses": [{"ipAddress": host, "protocol": "IPv4"}],
            "ports": self.ports(state),
            "slaveId": state.node.as_ref().map(smack_model::Name::as_str),
            "state": word,
            "stagedAt": since,
            "startedAt": since,
            "version": self.version(),
        });
        if self.is_checked() && is_running(status) {
            task["healthCheckResults"] = json!([{
                "alive": status.is_ready(),
                "consecutiveFailures": u32::from(!status.is_ready()),
                "taskId": id,
            }]);
        }
        Some(task)
    }

    /// The numbers of its ports, in the order in which the app names them.
    fn ports(&self, state: &TaskState) -> Vec<u16> {
        let named = self
            .definition
            .get("portDefinitions")
            .and_then(Value::as_array);
        let named = named.map(Vec::as_slice).unwrap_or_default();
        let place = |name: &str| {
            let of = |definition: &Value| {
                let known = definition.get("name").and_then(Value::as_str);
                known.is_some_and(|known| known.eq_ignore_ascii_case(name))
            };
            let number = name
                .strip_prefix("port")
                .and_then(|number| number.parse().ok());
            named.iter().position(of).or(number).unwrap_or(usize::MAX)
        };
        let mut ports: Vec<(usize, u16)> = state
            .ports
            .iter()
            .map(|(name, port)| (place(name.as_str()), *port))
            .collect();
        ports.sort_unstable();
        ports.into_iter().map(|(_, port)| port).collect()
    }

    /// What a deployment does with it.
    fn action(&self) -> Value {
        let action = if self.vdc.record.down {
            "StopApplication"
        } else if self.vdc.record.revision > 1 {
            "RestartApplication"
        } else {
            "StartApplication"
        };
        json!({"action": action, "app": self.path})
    }
}

fn is_running(status: &Status) -> bool {
    matches!(
        status,
        Status::Running { .. } | Status::Ready { .. } | Status::Draining { .. }
    )
}
