#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| messaging_hostile::nats_protocol(input));
