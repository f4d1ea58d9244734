//! What holds for every profile, body and secret.

use proptest::prelude::*;

use super::*;

fn profiles() -> impl Strategy<Value = Profile> {
    let custom = custom(
        r#"{"custom": {"signature_header": "X-Sig", "prefix": "v1=", "separator": "comma", "encoding": "base64",
            "template": "{id}:{timestamp}:{body}", "timestamp_prefix": "t=", "id_header": "X-Id"}}"#,
    );
    let wide = self::custom(
        r#"{"custom": {"signature_header": "X-Sig", "algorithm": "hmac_sha512", "encoding": "base64",
            "template": "v0:{timestamp}:{body}", "timestamp_header": "X-T"}}"#,
    );
    let named = [Profile::Standard, Profile::Oneprotect, Profile::Fr022, Profile::Alga];
    proptest::sample::select([named.to_vec(), vec![custom, wide]].concat())
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_any_altered_bit_fails(
        profile in profiles(),
        body in proptest::collection::vec(any::<u8>(), 1..200),
        seed: u8,
        place: prop::sample::Index,
        bit in 0u8..8,
    ) {
        let secrets = [whsec(seed)];
        let headers = sign(&profile, &secrets, &message(&body)).unwrap();
        let proven = check(&profile, &secrets, &headers, &body).unwrap();
        prop_assert_eq!(proven.timestamp, Some(Timestamp::from_seconds(NOW)));

        let mut altered = body.clone();
        altered[place.index(body.len())] ^= 1 << bit;
        prop_assert_eq!(check(&profile, &secrets, &headers, &altered), Err(Rejection::Mismatch));
        prop_assert_eq!(check(&profile, &[whsec(seed.wrapping_add(1))], &headers, &body), Err(Rejection::Mismatch));

        let descriptor = profile.descriptor().unwrap();
        let proving = [Some(&descriptor.signature_header), descriptor.id_header.as_ref(), descriptor.timestamp_header.as_ref()];
        for name in proving.into_iter().flatten() {
            let mut forged = lines(&headers).into_iter().map(|(name, value)| (name, value.to_vec())).collect::<Vec<_>>();
            let line = &mut forged.iter_mut().find(|(given, _)| given == name).unwrap().1;
            let at = place.index(line.len());
            line[at] ^= 1 << bit;
            // Hex digits mean the same in both cases.
            prop_assume!(!(descriptor.encoding == Encoding::Hex && bit == 5));
            let forged: Vec<_> = forged.iter().map(|(name, value)| (*name, value.as_slice())).collect();
            prop_assert!(verify(&profile, &secrets, &forged, &body, Timestamp::from_seconds(NOW), TOLERANCE).is_err());
        }
    }

    #[test]
    fn what_a_private_key_signs_only_its_public_key_takes(body: Vec<u8>, seed: u8, place: prop::sample::Index, bit in 0u8..8) {
        let ((private, public), stranger) = (pair(seed), pair(seed.wrapping_add(1)).1);
        let headers = sign(&Profile::Standard, &[private], &message(&body)).unwrap();
        prop_assert!(check(&Profile::Standard, std::slice::from_ref(&public), &headers, &body).is_ok());
        prop_assert_eq!(check(&Profile::Standard, &[stranger], &headers, &body), Err(Rejection::Mismatch));
        let mut forged = headers[0].1.clone().into_bytes();
        let at = place.index(forged.len());
        forged[at] ^= 1 << bit;
        let forged: Vec<_> = lines(&headers).into_iter().map(|(name, value)| match name {
            "webhook-signature" => (name, forged.as_slice()),
            _ => (name, value),
        }).collect();
        prop_assert!(verify(&Profile::Standard, &[public], &forged, &body, Timestamp::from_seconds(NOW), TOLERANCE).is_err());
    }

    #[test]
    fn no_header_makes_the_verifier_fall_over(profile in profiles(), value in proptest::collection::vec(any::<u8>(), 0..300), body: Vec<u8>) {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-sig", "x-id", "x-signature", "x-alga-signature", "x-timestamp"];
        let headers: Vec<_> = names.iter().map(|name| (*name, value.as_slice())).collect();
        prop_assert!(verify(&profile, &[whsec(1)], &headers, &body, Timestamp::from_seconds(NOW), TOLERANCE).is_err());
    }
}
