//! Certificates for tests, made in the process.

use grantor_core::Timestamp;
use grantor_core::x509::{ClientCertificate, TrustStore};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

/// 2026-07-01T00:00:00Z. What these tests make is valid from 2026-01-01 to 2027-01-01 unless they say otherwise.
pub const NOW: Timestamp = 1_782_864_000;

pub struct Ca {
    pub issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    pub der: Vec<u8>,
}

pub fn params(names: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in names {
        params.distinguished_name.push(kind.clone(), DnValue::Utf8String((*value).into()));
    }
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

pub fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, name)]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn leaf_params(name: &str) -> CertificateParams {
    let mut params = params(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, name)]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Ca {
    pub fn root(name: &str) -> Self {
        Self::root_with(ca_params(name))
    }

    pub fn root_with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    pub fn intermediate(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, params: &CertificateParams) -> Vec<u8> {
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec()
    }

    /// A list that revokes these serial numbers, due to be replaced in that year.
    pub fn list(&self, serials: &[u64], next_update: i32) -> Vec<u8> {
        self.list_with(serials, (2026, 1, 1), next_update, None)
    }

    pub fn list_with(
        &self,
        serials: &[u64],
        (year, month, day): (i32, u8, u8),
        next_update: i32,
        issuing_distribution_point: Option<rcgen::CrlIssuingDistributionPoint>,
    ) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 3, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(year, month, day),
            next_update: date_time_ymd(next_update, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

pub fn presented(chain: &[&[u8]]) -> ClientCertificate {
    ClientCertificate::from_der(chain.iter().map(|der| der.to_vec()).collect()).unwrap()
}

pub fn store(anchors: &[&Ca], lists: &[Vec<u8>]) -> TrustStore {
    let anchors: Vec<&[u8]> = anchors.iter().map(|ca| ca.pem.as_bytes()).collect();
    TrustStore::from_pem(&anchors, &lists.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
}
