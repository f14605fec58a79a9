//! Users by name, out of the machine's own files.

use serde::{Deserialize, Serialize};
use smack_model::Refusal;

/// Whom a task runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

/// The user to change to; `None`: the server's own will do.
pub(crate) fn find(name: &str) -> Result<Option<User>, Refusal> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let group = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let user = parse(name, &passwd, &group).ok_or_else(|| Refusal::Other {
        reason: format!("there is no user {name:?} on this machine"),
    })?;
    let own = rustix::process::geteuid();
    if own.as_raw() == user.user {
        return Ok(None);
    }
    if !own.is_root() {
        return Err(Refusal::Other {
            reason: format!("only a server that runs as root can start tasks as {name:?}"),
        });
    }
    Ok(Some(user))
}

/// passwd(5) and group(5).
fn parse(name: &str, passwd: &str, group: &str) -> Option<User> {
    let line = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let fields = line
        .into_iter()
        .find(|fields| fields.first() == Some(&name) || fields.get(2) == Some(&name))?;
    let own: u32 = fields.get(3)?.parse().ok()?;
    let login = (*fields.first()?).to_owned();
    let member = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_member = fields.get(3)?.split(',').any(|member| member == login);
        is_member.then(|| fields.get(2)?.parse().ok()).flatten()
    };
    let mut groups: Vec<u32> = group.lines().filter_map(member).collect();
    groups.push(own);
    Some(User {
        user: fields.get(2)?.parse().ok()?,
        group: own,
        groups,
        home: (*fields.get(5)?).to_owned(),
        name: login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_groups_that_name_it() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nkafka:x:990:980:Kafka:/var/kafka:/bin/false\n";
        let group = "root:x:0:\ndisk:x:6:kafka,other\nkafka:x:980:\n";
        let user = parse("kafka", passwd, group).unwrap();
        assert_eq!(
            (user.user, user.group, user.groups),
            (990, 980, vec![6, 980])
        );
        assert_eq!(user.home, "/var/kafka");
        assert_eq!(parse("990", passwd, group).unwrap().name, "kafka");
        assert_eq!(parse("nobody", passwd, group), None);
    }
}
