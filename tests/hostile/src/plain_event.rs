use messaging_gateway::dialect::parse_frame;

use crate::bounded::bounded;

/// The JSON of a frame on `/ws`: an event, or words for the client.
pub fn plain_event(input: &[u8]) {
    // The event has its name and its data to itself. A member's name with escapes goes through a buffer that doubles, which is
    // there with the one before it for a moment.
    let parsed = bounded(3 * input.len() + 1_024, || parse_frame(input));
    match parsed {
        Ok(event) => {
            assert!(event.args.len() <= 1 && event.attachments.is_empty());
            assert!(
                serde_json::from_slice::<serde_json::Value>(input).is_ok() || !is_shallow(input)
            );
        }
        Err(exception) => {
            let words = serde_json::to_string(&exception).expect("strings are JSON");
            assert!(words.len() <= 6 * input.len() + 512, "{words}");
        }
    }
}

/// Data is not looked into when an event is read, so its depth has no limit yet, nor has the size of its numbers.
fn is_shallow(input: &[u8]) -> bool {
    input.iter().filter(|byte| b"[{".contains(byte)).count() < 100
        && !input.iter().any(|byte| b"eE".contains(byte))
}
