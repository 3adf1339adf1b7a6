#![no_main]
//! What a proxy says of the client behind it. The first byte names the header, the rest is its value: read without a
//! panic and within bounds; and whatever a client writes into the lines before the proxy's own counts for nothing.

use grantor_core::proxy::{
    Chain, Malformed, address, client_cert, x_forwarded_client_cert, x_forwarded_tls_client_cert, x_ssl_client_cert,
};
use grantor_core::x509::ClientCertificate;
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;

const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn trusted(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10)
}

fn certificates(read: Result<Chain, Malformed>) {
    let Ok(chain) = read else { return };
    assert!(chain.len() <= 10);
    assert!(chain.iter().all(|certificate| !certificate.is_empty()));
    let _ = ClientCertificate::from_der(chain);
}

fn is_the_client(read: Result<IpAddr, Malformed>) {
    assert!(read.is_err() || read == Ok(CLIENT), "{read:?}");
}

fuzz_target!(|data: &[u8]| {
    let Some((form, value)) = data.split_first() else { return };
    match form {
        b'c' => {
            let mut lines = value.split(|byte| *byte == b'\n');
            certificates(client_cert::parse(lines.next(), lines));
        }
        b'e' => certificates(x_forwarded_client_cert::parse(value)),
        b'n' => certificates(x_ssl_client_cert::parse(value)),
        b't' => certificates(x_forwarded_tls_client_cert::parse(value)),
        b'f' => {
            is_the_client(address::from_forwarded(PROXY, [value, b"for=192.0.2.7"].into_iter(), trusted));
            let _ = address::from_forwarded(PROXY, [value].into_iter(), trusted);
        }
        b'x' => {
            is_the_client(address::from_x_forwarded_for(PROXY, [value, b"192.0.2.7"].into_iter(), trusted));
            let _ = address::from_x_forwarded_for(PROXY, [value].into_iter(), trusted);
        }
        _ => {}
    }
});
