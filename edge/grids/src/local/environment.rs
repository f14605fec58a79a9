//! A task's environment: a clean one, who and where it is, then what its launch says.

use std::collections::BTreeMap;

use smack_model::{LaunchOrder, Refusal};

use super::fill::Filling;
use super::users::User;

/// Taken over from the server, for programs that cannot do without.
const KEPT: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All variables. What identifies the task cannot be overridden.
pub(crate) fn environment(
    order: &LaunchOrder,
    filling: &Filling<'_>,
    user: Option<&User>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut env: BTreeMap<String, String> = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    env.entry("PATH".to_owned())
        .or_insert_with(|| PATH.to_owned());
    if let Some(user) = user {
        env.insert("HOME".to_owned(), user.home.clone());
        env.insert("USER".to_owned(), user.name.clone());
        env.insert("LOGNAME".to_owned(), user.name.clone());
    }
    if let Some(address) = &order.address {
        env.insert("HOST".to_owned(), address.clone());
    }
    for (index, (name, port)) in order.ports.iter().enumerate() {
        let name = name.as_str().to_ascii_uppercase().replace('-', "_");
        env.insert(format!("PORT{index}"), port.to_string());
        env.insert(format!("PORT_{name}"), port.to_string());
    }
    for (name, value) in &order.launch.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            let reason = format!("{name:?} cannot be the name of an environment variable");
            return Err(Refusal::Other { reason });
        }
        env.insert(name.clone(), filling.text(value)?);
    }
    let id = &order.id;
    let identity = [
        ("SMACK_PATH", format!("{}/{}", id.system.path(), id.name)),
        ("SMACK_TASK", id.name.to_string()),
        ("SMACK_ATTEMPT", id.attempt.to_string()),
        (
            "SMACK_NODE",
            order
                .node
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        ("SMACK_SANDBOX", filling.sandbox().to_owned()),
    ];
    env.extend(identity.map(|(name, value)| (name.to_owned(), value)));
    Ok(env)
}
