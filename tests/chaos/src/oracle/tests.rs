//! Made-up runs of one conversation: a clean one passes, and each kind of violation is found.

use super::*;
use crate::{
    history::{Event, Millis, Seen},
    plan::{self, Device, Place, Transport},
    rest::{FIRST, Participant},
};

const CONVERSATION: &str = "c";

/// A run in which ada sends `a-1` and `a-2` to ben, who reads the first of them; both devices see everything.
struct Story {
    evidence: Evidence,
    t: Millis,
}

impl Story {
    fn new() -> Self {
        let users = ["ada", "ben"].map(str::to_owned);
        let device = |id: &str, user: &str| Device {
            id: id.to_owned(),
            user: user.to_owned(),
            token: String::new(),
            seed: 0,
            kind: Transport::Plain,
            conversations: vec![Place {
                id: CONVERSATION.to_owned(),
                is_late: false,
            }],
            sends: None,
            reads: false,
            changes: false,
            rejoins: false,
            flaps: false,
            ends_offline: false,
        };
        let plan = Plan {
            conversations: vec![plan::Conversation {
                id: CONVERSATION.to_owned(),
                users: users.clone(),
            }],
            devices: vec![device("a", "ada"), device("b", "ben")],
        };
        let presence = users.map(|user| (user, true)).into();
        let evidence = Evidence {
            plan,
            presence,
            ..Evidence::default()
        };
        Self { evidence, t: 0 }
    }

    /// All of it, as it should be.
    fn clean() -> Self {
        let mut story = Self::new();
        story.log(&[FIRST, "a-1 hello", "a-2 again"]);
        for device in ["a", "b"] {
            story.connect(device, Recovered::No);
            story.join(device, None, 1);
        }
        for seq in [2, 3] {
            story.send(seq);
            story.ack(seq);
            story.see("a", seq);
            story.see("b", seq);
        }
        story.read(2);
        story.summarise();
        story
    }

    fn log(&mut self, contents: &[&str]) {
        let messages = contents.iter().zip(1..).map(|(content, seq)| Message {
            id: format!("m{seq}"),
            seq,
            sender_id: "ada".to_owned(),
            content: (*content).to_owned(),
            client_message_id: Some(key_of(content)),
            created_at: format!("2026-01-01T00:00:0{seq}.000Z"),
            edited_at: None,
            deleted_at: None,
        });
        let log = messages.collect();
        self.evidence.logs.insert(CONVERSATION.to_owned(), log);
    }

    /// Summaries as the log and the marks have them.
    fn summarise(&mut self) {
        let log = &self.evidence.logs[CONVERSATION];
        let head = log.last().expect("it is not empty");
        let party = |user: &str, read_seq, unread_count| Participant {
            user_id: user.to_owned(),
            read_seq,
            unread_count,
        };
        let unread = head.seq - 2;
        let conversation = |unread_count| Conversation {
            id: CONVERSATION.to_owned(),
            participants: vec![party("ada", 0, 0), party("ben", 2, unread)],
            last_seq: head.seq,
            last_message: Some(head.clone()),
            unread_count,
        };
        let lists = [("ada", 0), ("ben", unread)];
        self.evidence.lists = lists
            .map(|(user, unread)| (user.to_owned(), vec![conversation(unread)]))
            .into();
    }

    fn note(&mut self, device: &str, event: Event) {
        self.t += 1;
        self.evidence.history.push(Entry {
            t: self.t,
            device: device.to_owned(),
            event,
        });
    }

    fn connect(&mut self, device: &str, recovered: Recovered) {
        let recovered = recovered == Recovered::Yes;
        self.note(device, Event::Connected { recovered });
    }

    fn disconnect(&mut self, device: &str) {
        let reason = "transport close".to_owned();
        self.note(device, Event::Disconnected { reason });
    }

    fn join(&mut self, device: &str, after: Option<u64>, last: u64) {
        let conversation = || CONVERSATION.to_owned();
        self.note(
            device,
            Event::Joining {
                conversation: conversation(),
                after,
            },
        );
        for seq in after.map_or(last, |after| after) + 1..=last {
            self.see(device, seq);
        }
        self.note(
            device,
            Event::Joined {
                conversation: conversation(),
                last,
                has_more: false,
            },
        );
    }

    fn leave(&mut self, device: &str) {
        let conversation = CONVERSATION.to_owned();
        self.note(device, Event::Leaving { conversation });
        let conversation = CONVERSATION.to_owned();
        self.note(device, Event::Left { conversation });
    }

    fn send(&mut self, seq: u64) {
        let Message { content, .. } = self.stored(seq);
        self.note(
            "a",
            Event::Sending {
                key: key_of(&content),
                conversation: CONVERSATION.to_owned(),
                client_message_id: Some(key_of(&content)),
                content,
                attempt: 1,
                epoch: Some(1),
            },
        );
    }

    fn ack(&mut self, seq: u64) {
        let Message { content, id, .. } = self.stored(seq);
        self.note(
            "a",
            Event::Acked {
                key: key_of(&content),
                conversation: CONVERSATION.to_owned(),
                seq,
                id,
                content,
                duplicate: false,
            },
        );
    }

    fn see(&mut self, device: &str, seq: u64) {
        let seen = self.seen(seq);
        self.note(device, Event::Message(seen));
    }

    fn read(&mut self, seq: u64) {
        let conversation = || CONVERSATION.to_owned();
        self.note(
            "b",
            Event::Reading {
                conversation: conversation(),
                up_to: seq,
            },
        );
        self.note(
            "b",
            Event::Read {
                conversation: conversation(),
                read_seq: seq,
            },
        );
    }

    /// Ada's message is edited, and so it is stored; who is told, the caller says.
    fn edit(&mut self, seq: u64) {
        let Message { id, content, .. } = self.stored(seq);
        let content = format!("{content} edited");
        self.note(
            "a",
            Event::Changing {
                conversation: CONVERSATION.to_owned(),
                id: id.clone(),
                content: Some(content.clone()),
            },
        );
        self.note(
            "a",
            Event::Changed {
                conversation: CONVERSATION.to_owned(),
                id,
            },
        );
        let message = self.message(seq);
        message.content = content;
        message.edited_at = Some("2026-01-01T00:01:00.000Z".to_owned());
        self.summarise();
    }

    fn stored(&self, seq: u64) -> Message {
        self.evidence.logs[CONVERSATION][seq as usize - 1].clone()
    }

    fn message(&mut self, seq: u64) -> &mut Message {
        let log = self.evidence.logs.get_mut(CONVERSATION);
        &mut log.expect("it is there")[seq as usize - 1]
    }

    fn seen(&self, seq: u64) -> Seen {
        let message = self.stored(seq);
        Seen {
            conversation: CONVERSATION.to_owned(),
            seq,
            id: message.id,
            sender: message.sender_id,
            content: message.content,
            client_message_id: message.client_message_id,
            is_edited: message.edited_at.is_some(),
            is_deleted: message.deleted_at.is_some(),
        }
    }

    /// Takes out what a device saw of a message.
    fn unsee(&mut self, device: &str, seq: u64) {
        self.evidence.history.retain(|entry| {
            !matches!(&entry.event, Event::Message(seen) if entry.device == device && seen.seq == seq)
        });
    }

    fn forget(&mut self, is: impl Fn(&Event) -> bool) {
        self.evidence.history.retain(|entry| !is(&entry.event));
    }

    fn kinds(&self) -> Vec<Kind> {
        let found = judge(&self.evidence);
        found.into_iter().map(|violation| violation.kind).collect()
    }
}

#[derive(PartialEq, Eq)]
enum Recovered {
    Yes,
    No,
}

fn key_of(content: &str) -> String {
    content.split(' ').next().unwrap_or_default().to_owned()
}

/// What is found when a clean story is changed.
fn check(change: impl FnOnce(&mut Story), expected: &[Kind]) {
    let mut story = Story::clean();
    change(&mut story);
    assert_eq!(story.kinds(), expected, "{:#?}", judge(&story.evidence));
}

#[test]
fn a_clean_run_passes() {
    check(|_| {}, &[]);
}

#[test]
fn what_a_device_never_saw_is_lost() {
    check(|story| story.unsee("b", 3), &[Kind::Lost]);
    check(|story| story.unsee("b", 2), &[Kind::Lost]);
}

#[test]
fn what_a_device_saw_twice_is_doubled() {
    check(|story| story.see("b", 3), &[Kind::Doubled]);
    check(|story| story.see("b", 2), &[Kind::Doubled]);
}

#[test]
fn what_a_device_saw_in_another_order_is_swapped() {
    let swap = |story: &mut Story| {
        story.unsee("b", 2);
        story.see("b", 2);
    };
    check(swap, &[Kind::Swapped]);
}

#[test]
fn what_a_device_saw_before_its_place_is_swapped() {
    check(|story| story.see("b", 1), &[Kind::Swapped]);
}

#[test]
fn who_comes_back_goes_on_where_he_was() {
    let come_back = |story: &mut Story| {
        story.unsee("b", 3);
        story.disconnect("b");
        story.connect("b", Recovered::No);
        story.join("b", Some(2), 3);
    };
    check(come_back, &[]);
}

#[test]
fn who_comes_back_and_is_not_given_what_he_missed_has_lost_it() {
    let come_back = |story: &mut Story| {
        story.unsee("b", 3);
        story.disconnect("b");
        story.connect("b", Recovered::No);
        story.join("b", Some(2), 3);
        story.unsee("b", 3);
    };
    check(come_back, &[Kind::Lost]);
}

#[test]
fn who_is_recovered_is_given_what_he_missed_and_nothing_twice() {
    let recover = |story: &mut Story, repeated: &[u64]| {
        story.unsee("b", 3);
        story.disconnect("b");
        story.connect("b", Recovered::Yes);
        repeated.iter().for_each(|seq| story.see("b", *seq));
    };
    check(|story| recover(story, &[3]), &[]);
    check(|story| recover(story, &[]), &[Kind::Lost]);
    check(|story| recover(story, &[2, 3]), &[Kind::Doubled]);
}

#[test]
fn who_is_recovered_before_he_is_told_that_he_has_joined_is_given_the_latest_first() {
    let recover = |story: &mut Story, recovered, given: &[u64]| {
        let is_kept = |entry: &Entry| {
            let is_read = matches!(entry.event, Event::Reading { .. } | Event::Read { .. });
            entry.device != "b" || is_read
        };
        story.evidence.history.retain(is_kept);
        story.connect("b", Recovered::No);
        let conversation = CONVERSATION.to_owned();
        let after = None;
        story.note(
            "b",
            Event::Joining {
                conversation,
                after,
            },
        );
        story.disconnect("b");
        story.connect("b", recovered);
        given.iter().for_each(|seq| story.see("b", *seq));
        story.join("b", None, 3);
    };
    check(|story| recover(story, Recovered::Yes, &[2, 3]), &[]);
    check(|story| recover(story, Recovered::Yes, &[]), &[]);
    check(|story| recover(story, Recovered::Yes, &[2]), &[Kind::Lost]);
    check(
        |story| recover(story, Recovered::Yes, &[3, 2]),
        &[Kind::Swapped],
    );
    let strange = [Kind::Strange];
    check(|story| recover(story, Recovered::No, &[3]), &strange);
}

#[test]
fn who_is_recovered_while_leaving_and_joins_again_misses_nothing() {
    let recover = |story: &mut Story| {
        story.unsee("b", 3);
        let conversation = CONVERSATION.to_owned();
        story.note("b", Event::Leaving { conversation });
        story.disconnect("b");
        story.connect("b", Recovered::Yes);
        story.join("b", Some(2), 3);
    };
    check(recover, &[]);
    let lose = |story: &mut Story| {
        recover(story);
        story.unsee("b", 3);
    };
    check(lose, &[Kind::Lost]);
}

#[test]
fn who_has_left_is_told_nothing_and_misses_nothing() {
    let leave = |story: &mut Story| {
        story.unsee("b", 3);
        story.leave("b");
    };
    check(leave, &[]);
    let told = |story: &mut Story| {
        leave(story);
        story.see("b", 3);
    };
    check(told, &[Kind::Strange]);
}

#[test]
fn what_is_seen_with_another_text_is_strange() {
    let falsify = |story: &mut Story| {
        for entry in &mut story.evidence.history {
            if let Event::Message(seen) = &mut entry.event
                && entry.device == "b"
                && seen.seq == 2
            {
                seen.content = "a-1 goodbye".to_owned();
            }
        }
    };
    check(falsify, &[Kind::Strange]);
}

#[test]
fn what_is_seen_and_not_stored_is_strange() {
    let lose = |story: &mut Story| {
        let log = story.evidence.logs.get_mut(CONVERSATION);
        log.expect("it is there").pop();
        story.forget(|event| matches!(event, Event::Acked { seq: 3, .. }));
        story.summarise();
        story.evidence.lists.get_mut("ben").expect("it is there")[0].unread_count = 0;
    };
    check(lose, &[Kind::Strange, Kind::Strange]);
}

#[test]
fn what_is_acked_and_not_stored_is_lost() {
    let rename = |story: &mut Story| {
        for entry in &mut story.evidence.history {
            if let Event::Acked { id, seq: 3, .. } = &mut entry.event {
                *id = "another".to_owned();
            }
        }
    };
    check(rename, &[Kind::Lost]);
}

#[test]
fn a_name_that_is_stored_twice_is_doubled() {
    let repeat = |story: &mut Story| {
        story.log(&[FIRST, "a-1 hello", "a-2 again", "a-2 again"]);
        story.see("a", 4);
        story.see("b", 4);
        story.summarise();
    };
    check(repeat, &[Kind::Doubled]);
}

#[test]
fn a_message_without_a_name_that_is_stored_twice_is_doubled() {
    let repeat = |story: &mut Story| {
        story.log(&[FIRST, "a-1 hello", "a-2 again", "a-2 again"]);
        for seq in [3, 4] {
            story.message(seq).client_message_id = None;
        }
        story.see("a", 4);
        story.see("b", 4);
        for entry in &mut story.evidence.history {
            match &mut entry.event {
                Event::Sending {
                    client_message_id,
                    content,
                    ..
                } if content.starts_with("a-2") => *client_message_id = None,
                Event::Message(seen) if seen.seq == 3 => seen.client_message_id = None,
                _ => {}
            }
        }
        story.summarise();
    };
    check(repeat, &[Kind::Doubled]);
}

#[test]
fn a_retry_that_is_acked_elsewhere_is_doubled_and_lost() {
    let ack = |story: &mut Story| {
        story.note(
            "a",
            Event::Acked {
                key: "a-2".to_owned(),
                conversation: CONVERSATION.to_owned(),
                seq: 9,
                id: "m9".to_owned(),
                content: "a-2 again".to_owned(),
                duplicate: true,
            },
        );
    };
    check(ack, &[Kind::Doubled, Kind::Lost]);
}

#[test]
fn what_nobody_sent_is_strange() {
    let forget = |story: &mut Story| {
        let is_second = |event: &Event| matches!(event, Event::Sending { key, .. } | Event::Acked { key, .. } if key == "a-2");
        story.forget(is_second);
    };
    // As it is stored, and as both devices saw it.
    check(forget, &[Kind::Strange; 3]);
}

#[test]
fn what_one_connection_sent_is_stored_in_that_order() {
    let swap = |story: &mut Story| {
        let is_sending = |event: &Event| matches!(event, Event::Sending { .. });
        story.forget(is_sending);
        let events = std::mem::take(&mut story.evidence.history);
        story.send(3);
        story.send(2);
        story.evidence.history.extend(events);
    };
    check(swap, &[Kind::Swapped]);
}

#[test]
fn a_hole_in_the_log_is_found() {
    let skip = |story: &mut Story| {
        story.message(3).seq = 4;
        for entry in &mut story.evidence.history {
            match &mut entry.event {
                Event::Message(seen) if seen.seq == 3 => seen.seq = 4,
                Event::Acked { seq, .. } if *seq == 3 => *seq = 4,
                _ => {}
            }
        }
        story.summarise();
    };
    let mut story = Story::clean();
    skip(&mut story);
    assert!(story.kinds().contains(&Kind::Hole));
}

#[test]
fn an_acked_change_is_stored_and_told_of() {
    let told = |story: &mut Story, devices: &[&str]| {
        story.edit(3);
        for device in devices {
            let seen = story.seen(3);
            story.note(device, Event::Change(seen));
        }
    };
    check(|story| told(story, &["a", "b"]), &[]);
    check(|story| told(story, &["a"]), &[Kind::ChangeMissed]);
    let undone = |story: &mut Story| {
        told(story, &["a", "b"]);
        let message = story.message(3);
        message.content = "a-2 again".to_owned();
        message.edited_at = None;
        story.summarise();
    };
    check(undone, &[Kind::Lost]);
}

#[test]
fn who_sees_a_message_as_it_was_changed_need_not_be_told_of_the_change() {
    let see_late = |story: &mut Story| {
        story.unsee("b", 3);
        story.edit(3);
        let seen = story.seen(3);
        story.note("a", Event::Change(seen.clone()));
        story.note("b", Event::Message(seen));
    };
    check(see_late, &[]);
}

#[test]
fn a_read_mark_that_is_less_than_was_acked_is_found() {
    let unread = |story: &mut Story| {
        for list in story.evidence.lists.values_mut() {
            list[0].participants[1].read_seq = 1;
            list[0].participants[1].unread_count = 2;
        }
        story.evidence.lists.get_mut("ben").expect("it is there")[0].unread_count = 2;
    };
    // As each of the two is told.
    check(unread, &[Kind::Summary; 2]);
}

#[test]
fn a_wrong_unread_count_is_found() {
    let miscount = |story: &mut Story| {
        story.evidence.lists.get_mut("ben").expect("it is there")[0].unread_count = 5;
    };
    check(miscount, &[Kind::Summary]);
}

#[test]
fn a_summary_that_lags_behind_the_log_is_found() {
    let lag = |story: &mut Story| {
        story.evidence.lists.get_mut("ada").expect("it is there")[0].last_seq = 2;
    };
    check(lag, &[Kind::Summary]);
}

#[test]
fn a_conversation_that_is_missing_from_a_list_is_found() {
    check(
        |story| drop(story.evidence.lists.remove("ben")),
        &[Kind::Summary],
    );
}

#[test]
fn a_list_that_is_not_in_order_is_found() {
    let mut story = Story::clean();
    let older = "an-older-one".to_owned();
    let mut conversation = story.evidence.lists["ada"][0].clone();
    conversation.id.clone_from(&older);
    let first = story.stored(1);
    (conversation.last_seq, conversation.last_message) = (1, Some(first.clone()));
    for party in &mut conversation.participants {
        (party.read_seq, party.unread_count) = (0, u64::from(party.user_id == "ben"));
    }
    story.evidence.logs.insert(older.clone(), vec![first]);
    story.evidence.plan.conversations.push(plan::Conversation {
        id: older,
        users: ["ada", "ben"].map(str::to_owned),
    });
    for (user, list) in &mut story.evidence.lists {
        let unread_count = u64::from(user == "ben");
        list.push(Conversation {
            unread_count,
            ..conversation.clone()
        });
    }
    assert_eq!(story.kinds(), []);
    story
        .evidence
        .lists
        .get_mut("ada")
        .expect("it is there")
        .reverse();
    assert_eq!(story.kinds(), [Kind::Summary]);
}

#[test]
fn presence_that_is_not_the_truth_is_found() {
    let vanish = |story: &mut Story| {
        story.evidence.presence.insert("ben".to_owned(), false);
    };
    check(vanish, &[Kind::Presence]);
}

#[test]
fn what_is_refused_or_not_finished_is_found() {
    let refuse = |story: &mut Story| {
        let (what, code) = ("send_message".to_owned(), "internal".to_owned());
        story.note("a", Event::Refused { what, code });
        let key = "a-9".to_owned();
        story.note("a", Event::GaveUp { key });
        story.evidence.unfinished.push("b: to join".to_owned());
    };
    check(refuse, &[Kind::Stuck; 3]);
}
