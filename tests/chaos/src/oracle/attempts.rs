//! How often a client fails to connect: in a rolling restart at most once for each gateway that ends.

use std::collections::BTreeMap;

use super::{Evidence, Findings, Kind};
use crate::history::Event;

/// What one client saw of its attempts to connect.
#[derive(Default)]
struct Tries {
    failed: usize,
    in_a_row: usize,
    in_a_row_max: usize,
    returns: usize,
}

pub(super) fn judge(evidence: &Evidence, most: usize, findings: &mut Findings) {
    let mut clients: BTreeMap<&str, Tries> = BTreeMap::new();
    for entry in &evidence.history {
        clients.entry(&entry.device).or_default().note(&entry.event);
    }
    for (device, tries) in clients {
        // Who comes back of his own accord may do so just when a gateway begins to end.
        if tries.failed > most + tries.returns {
            let what = format!("{device} failed to connect {} times", tries.failed);
            findings.add(Kind::Attempts, what);
        } else if tries.in_a_row_max > 1 {
            let what = format!(
                "{device} failed to connect {} times in a row",
                tries.in_a_row_max
            );
            findings.add(Kind::Attempts, what);
        }
    }
}

impl Tries {
    fn note(&mut self, event: &Event) {
        match event {
            Event::ConnectError { .. } => {
                self.failed += 1;
                self.in_a_row += 1;
                self.in_a_row_max = self.in_a_row_max.max(self.in_a_row);
            }
            Event::Connected { .. } => self.in_a_row = 0,
            Event::Returning => self.returns += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::Entry,
        oracle::{Attempts, judge},
    };

    /// `c`: connected, `x`: failed, `r`: it returns of its own accord.
    fn check(attempts: Attempts, story: &str, expected: usize) {
        let event = |step| match step {
            'c' => Event::Connected { recovered: false },
            'x' => Event::ConnectError {
                reason: "websocket error".to_owned(),
            },
            _ => Event::Returning,
        };
        let entry = |(t, step)| Entry {
            t,
            device: "a".to_owned(),
            event: event(step),
        };
        let evidence = Evidence {
            history: (0..).zip(story.chars()).map(entry).collect(),
            attempts,
            ..Evidence::default()
        };
        let found = judge(&evidence);
        let found = found.iter().filter(|of| of.kind == Kind::Attempts);
        assert_eq!(found.count(), expected, "{story}");
    }

    #[test]
    fn so_many_attempts_of_a_client_may_fail_and_one_more_whenever_it_returns() {
        for fine in ["", "ccc", "xc", "cxcc", "cxcxc", "cxcxcrxc", "crxcrxcxcxc"] {
            check(Attempts::Most(2), fine, 0);
        }
        for broken in ["cxcxcxc", "cxcrxcxcxc"] {
            check(Attempts::Most(2), broken, 1);
        }
    }

    #[test]
    fn two_in_a_row_are_too_many_however_many_may_fail() {
        check(Attempts::Most(3), "cxxc", 1);
        check(Attempts::Most(3), "crcrcrxxc", 1);
    }

    #[test]
    fn nothing_is_promised_while_something_else_fails() {
        check(Attempts::Any, "cxxxcxxxc", 0);
    }
}
