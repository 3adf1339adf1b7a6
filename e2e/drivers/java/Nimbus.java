// Nimbus oauth2-oidc-sdk: a request as JSON on standard input, the answer on standard output (see ../../clients/driver.py).

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.BearerAccessToken;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import java.io.FileInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import net.minidev.json.JSONObject;

public final class Nimbus {
    private static Map<String, Object> asked;

    public static void main(String[] arguments) throws Exception {
        asked = JSONObjectUtils.parse(new String(System.in.readAllBytes(), StandardCharsets.UTF_8));
        if (asked.get("ca") instanceof String ca) {
            trust(ca);
        }
        Map<String, Object> answer = switch (text("operation")) {
            case "token" -> token();
            case "metadata" -> Map.of("done", metadata().toJSONObject());
            case "introspect" -> introspect();
            case "revoke" -> revoke();
            case "verify" -> Map.of("done", verify().toJSONObject());
            default -> throw new IllegalArgumentException(text("operation"));
        };
        System.out.println(JSONObject.toJSONString(answer));
    }

    private static Map<String, Object> token() throws Exception {
        TokenRequest.Builder request =
            new TokenRequest.Builder(metadata().getTokenEndpointURI(), authentication(), new ClientCredentialsGrant());
        for (Map.Entry<String, Object> parameter : parameters().entrySet()) {
            String value = (String) parameter.getValue();
            switch (parameter.getKey()) {
                case "scope" -> request.scope(Scope.parse(value));
                case "resource" -> request.resource(URI.create(value));
                default -> request.customParameter(parameter.getKey(), value);
            }
        }
        TokenResponse response = TokenResponse.parse(request.build().toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            return refused(response.toErrorResponse().getErrorObject());
        }
        return Map.of("done", response.toSuccessResponse().getTokens().getBearerAccessToken().toJSONObject());
    }

    private static AuthorizationServerMetadata metadata() throws Exception {
        return AuthorizationServerMetadata.resolve(new Issuer(text("issuer")));
    }

    private static Map<String, Object> introspect() throws Exception {
        TokenIntrospectionResponse response = TokenIntrospectionResponse.parse(
            new TokenIntrospectionRequest(
                metadata().getIntrospectionEndpointURI(), authentication(), new BearerAccessToken(text("token")))
                .toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            return refused(response.toErrorResponse().getErrorObject());
        }
        return Map.of("done", response.toSuccessResponse().toJSONObject());
    }

    private static Map<String, Object> revoke() throws Exception {
        HTTPResponse response = new TokenRevocationRequest(
            metadata().getRevocationEndpointURI(), authentication(), new BearerAccessToken(text("token")))
            .toHTTPRequest().send();
        return response.indicatesSuccess() ? Map.of("done", Map.of()) : refused(ErrorObject.parse(response));
    }

    private static JWTClaimsSet verify() throws Exception {
        JWKSource<SecurityContext> keys = JWKSourceBuilder.create(metadata().getJWKSetURI().toURL()).build();
        DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
        processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.Family.SIGNATURE, keys));
        processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
            text("audience"),
            new JWTClaimsSet.Builder().issuer(text("issuer")).build(),
            Set.of("sub", "iat", "exp", "jti", "client_id")));
        return processor.process(text("token"), null);
    }

    private static ClientAuthentication authentication() {
        ClientID id = new ClientID(text("client_id"));
        Secret secret = new Secret(text("secret"));
        return text("method").equals("post") ? new ClientSecretPost(id, secret) : new ClientSecretBasic(id, secret);
    }

    private static Map<String, Object> refused(ErrorObject error) {
        if (error.getCode() == null) {
            throw new IllegalStateException("the library understood no error code");
        }
        return Map.of("refused", error.getCode());
    }

    private static String text(String name) {
        return (String) asked.get(name);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> parameters() {
        return (Map<String, Object>) asked.get("parameters");
    }

    private static void trust(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (FileInputStream file = new FileInputStream(ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        SSLContext.setDefault(context);
    }
}
