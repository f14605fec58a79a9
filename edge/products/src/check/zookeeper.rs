//! A ZooKeeper ensemble: one leader, the rest followers; a member may go while the others keep a quorum.

use std::time::Duration;

use futures_util::future::join_all;
use smack_model::{About, Answer, Member, Name};

use crate::reach::Reach;
use crate::zookeeper::{Serving, serving};

/// A member and what it said, or why it said nothing.
type Said<'a> = (&'a Name, Result<Serving, String>);

pub(super) async fn answer(
    reach: &dyn Reach,
    about: &About,
    port: &Name,
    members: &[Member],
    timeout: Duration,
) -> Answer {
    // Less than the whole time, so that one silent member is named instead of drowning the answer.
    let each = timeout.mul_f32(0.8);
    let asked = members.iter().map(|member| async move {
        let said = match member.ports.get(port) {
            Some(&number) => serving(reach, &member.address, number, each).await,
            None => Err(format!("has no port named {port}")),
        };
        (&member.task, said)
    });
    let said = join_all(asked).await;
    match about {
        About::Health => health(&said),
        About::Without(task) => without(task, &said),
    }
}

fn health(said: &[Said<'_>]) -> Answer {
    if said.iter().all(|(_, said)| said.is_err()) {
        return Answer::Unknown(silent(said));
    }
    let wrong: Vec<String> = said.iter().filter_map(not_serving).collect();
    if !wrong.is_empty() {
        return Answer::No(wrong.join("; "));
    }
    let count = |mode: &str| said.iter().filter(|said| serves_as(said, mode)).count();
    let (leaders, followers) = (count("leader"), count("follower"));
    match said.len() {
        1 if leaders + count("standalone") == 1 => Answer::Yes,
        all if leaders == 1 && followers + 1 == all => Answer::Yes,
        all => {
            let alone = count("standalone");
            Answer::No(format!(
                "{all} members are to have one leader and follow it, but there are {leaders} leaders, \
                 {followers} followers and {alone} that stand alone"
            ))
        }
    }
}

fn without(task: &Name, said: &[Said<'_>]) -> Answer {
    let others: Vec<&Said<'_>> = said.iter().filter(|(name, _)| *name != task).collect();
    let voters = |said: &&&Said<'_>| serves_as(said, "leader") || serves_as(said, "follower");
    let serving = others.iter().filter(voters).count();
    let quorum = said.len() / 2 + 1;
    if serving >= quorum {
        return Answer::Yes;
    }
    let wrong: Vec<String> = others.iter().copied().filter_map(not_serving).collect();
    if quorum > others.len() && wrong.is_empty() {
        // So small an ensemble never keeps a quorum without a member: nothing to wait for.
        tracing::debug!(%task, members = said.len(), "an interruption cannot be avoided");
        return Answer::Yes;
    }
    if !others.is_empty() && others.iter().all(|(_, said)| said.is_err()) {
        return Answer::Unknown(wrong.join("; "));
    }
    let wrong = if wrong.is_empty() {
        "the others do not follow one leader".to_owned()
    } else {
        wrong.join("; ")
    };
    Answer::No(format!(
        "without {task} {serving} of {} members would serve, {quorum} are needed: {wrong}",
        said.len()
    ))
}

fn serves_as((_, said): &Said<'_>, mode: &str) -> bool {
    matches!(said, Ok(Serving::As(found)) if found == mode)
}

fn not_serving((task, said): &Said<'_>) -> Option<String> {
    match said {
        Ok(Serving::As(_)) => None,
        Ok(Serving::Not(why)) => Some(format!("{task}: {why}")),
        Err(reason) => Some(format!("{task}: {reason}")),
    }
}

fn silent(said: &[Said<'_>]) -> String {
    let reasons: Vec<String> = said.iter().filter_map(not_serving).collect();
    if reasons.is_empty() {
        return "there are no members to ask".to_owned();
    }
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> Vec<(Name, Result<Serving, String>)> {
        let one = |(at, word): (usize, &&str)| {
            let said = match *word {
                "mute" => Ok(Serving::Not("no quorum yet".to_owned())),
                "gone" => Err("connection refused".to_owned()),
                mode => Ok(Serving::As(mode.to_owned())),
            };
            (Name::new(&format!("zk-{at}")).unwrap(), said)
        };
        words.iter().enumerate().map(one).collect()
    }

    fn ask(words: &[&str], about: impl Fn(&[Said<'_>]) -> Answer) -> String {
        let said = said(words);
        let said: Vec<Said<'_>> = said
            .iter()
            .map(|(name, said)| (name, said.clone()))
            .collect();
        match about(&said) {
            Answer::Yes => "yes".to_owned(),
            Answer::No(why) => format!("no: {why}"),
            Answer::Unknown(why) => format!("unknown: {why}"),
        }
    }

    #[test]
    fn health_of_ensembles() {
        let check = |words: &[&str]| ask(words, health);
        assert_eq!(check(&["standalone"]), "yes");
        assert_eq!(check(&["follower", "leader", "follower"]), "yes");
        assert!(check(&["leader", "leader", "follower"]).contains("2 leaders"));
        assert!(check(&["standalone", "standalone"]).contains("2 that stand alone"));
        assert_eq!(
            check(&["leader", "gone", "follower"]),
            "no: zk-1: connection refused"
        );
        assert!(check(&["mute", "mute", "mute"]).starts_with("no: zk-0: no quorum"));
        assert!(check(&["gone", "gone"]).starts_with("unknown: zk-0"));
        assert!(check(&[]).starts_with("unknown"));
    }

    #[test]
    fn members_that_may_go() {
        let task = Name::new("zk-0").unwrap();
        let check = |words: &[&str]| ask(words, |said| without(&task, said));
        assert_eq!(check(&["leader", "follower", "follower"]), "yes");
        assert_eq!(check(&["gone", "leader", "follower"]), "yes");
        assert_eq!(
            check(&["leader", "gone", "follower", "follower", "follower"]),
            "yes"
        );
        assert!(
            check(&["leader", "gone", "follower"])
                .contains("1 of 3 members would serve, 2 are needed: zk-1")
        );
        assert!(check(&["leader", "gone", "gone"]).starts_with("unknown"));
        // Ensembles that no patience makes safe.
        assert_eq!(check(&["standalone"]), "yes");
        assert_eq!(check(&["leader", "follower"]), "yes");
        assert!(check(&["leader", "mute"]).starts_with("no"));
    }
}
