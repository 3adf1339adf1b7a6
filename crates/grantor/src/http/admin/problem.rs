//! Errors as problem details (RFC 9457), rendered here alone.

use crate::admin::AdminError;
use crate::store::StoreError;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// A problem (RFC 9457 §3.1). `type` is `about:blank`: the status says the kind, `detail` what to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What is wrong and what to do.
    detail: Cow<'static, str>,
    /// Where there are several: each names a field and what to write instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    #[serde(skip)]
    challenge: Option<&'static str>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            challenge: None,
        }
    }

    pub fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// RFC 6750 §3.
    pub fn challenged(status: StatusCode, detail: &'static str, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..Self::new(status, detail) }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(problems) => Self {
                errors: problems,
                ..Self::bad("the request cannot be carried out as it is; nothing was changed")
            },
            AdminError::NotFound(what) => Self::not_found(what),
            AdminError::Conflict(what) => Self::new(StatusCode::CONFLICT, what),
            AdminError::PreconditionFailed => {
                Self::new(StatusCode::PRECONDITION_FAILED, AdminError::PreconditionFailed.to_string())
            }
            AdminError::Failed(what) => {
                tracing::error!(error = what, "an administrator's request failed");
                // What the operator can mend is told; the details of the database are in the log.
                let told = if what.contains("disk is full") {
                    what
                } else {
                    "the server could not do it; its log says why".into()
                };
                Self::new(StatusCode::SERVICE_UNAVAILABLE, told)
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        AdminError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut answer =
            (status, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body).into_response();
        if let Some(challenge) = self.challenge {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}
