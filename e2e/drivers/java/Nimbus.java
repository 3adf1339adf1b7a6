// Nimbus oauth2-oidc-sdk: a request as JSON on standard input, the answer on standard output (see ../../clients/driver.py).

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.AsymmetricJWK;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
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
import com.nimbusds.oauth2.sdk.auth.ClientSecretJWT;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.PKITLSClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.dpop.DPoPProofFactory;
import com.nimbusds.oauth2.sdk.dpop.DefaultDPoPProofFactory;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.BearerAccessToken;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import com.nimbusds.openid.connect.sdk.Nonce;
import java.io.FileInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
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
        AuthorizationServerMetadata metadata = metadata();
        URI endpoint = asked.containsKey("certificate")
            ? metadata.getMtlsEndpointAliases().getTokenEndpointURI() : metadata.getTokenEndpointURI();
        TokenRequest.Builder request =
            new TokenRequest.Builder(endpoint, authentication(), new ClientCredentialsGrant());
        for (Map.Entry<String, Object> parameter : parameters().entrySet()) {
            String value = (String) parameter.getValue();
            switch (parameter.getKey()) {
                case "scope" -> request.scope(Scope.parse(value));
                case "resource" -> request.resource(URI.create(value));
                default -> request.customParameter(parameter.getKey(), value);
            }
        }
        DPoPProofFactory proofs = asked.get("dpop") instanceof String alg ? proofs(JWSAlgorithm.parse(alg)) : null;
        HTTPResponse answer = send(request.build(), proofs, null);
        if (proofs != null && answer.getDPoPNonce() != null && !answer.indicatesSuccess()) {
            answer = send(request.build(), proofs, answer.getDPoPNonce());
        }
        TokenResponse response = TokenResponse.parse(answer);
        if (!response.indicatesSuccess()) {
            return refused(response.toErrorResponse().getErrorObject());
        }
        return Map.of("done", response.toSuccessResponse().getTokens().getAccessToken().toJSONObject());
    }

    private static HTTPResponse send(TokenRequest request, DPoPProofFactory proofs, Nonce nonce) throws Exception {
        HTTPRequest http = request.toHTTPRequest();
        if (proofs != null) {
            http.setDPoP(proofs.createDPoPJWT("POST", request.getEndpointURI(), nonce));
        }
        return http.send();
    }

    private static DPoPProofFactory proofs(JWSAlgorithm alg) throws Exception {
        JWK key = JWSAlgorithm.Family.EC.contains(alg)
            ? new ECKeyGenerator(Curve.forJWSAlgorithm(alg).iterator().next()).generate() : new RSAKeyGenerator(2048).generate();
        return new DefaultDPoPProofFactory(key, alg);
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

    @SuppressWarnings("unchecked")
    private static ClientAuthentication authentication() throws Exception {
        ClientID id = new ClientID(text("client_id"));
        Secret secret = new Secret(text("secret"));
        URI audience = URI.create(text("issuer"));
        return switch (text("method")) {
            case "post" -> new ClientSecretPost(id, secret);
            case "client_secret_jwt" -> new ClientSecretJWT(id, audience, JWSAlgorithm.HS256, secret);
            case "private_key_jwt" -> {
                JWK key = JWK.parse(JSONObjectUtils.parse(JSONObject.toJSONString((Map<String, ?>) asked.get("jwk"))));
                PrivateKey privateKey = ((AsymmetricJWK) key).toPrivateKey();
                JWSAlgorithm alg = JWSAlgorithm.parse(key.getAlgorithm().getName());
                yield new PrivateKeyJWT(id, audience, alg, privateKey, key.getKeyID(), null);
            }
            case "tls_client_auth" ->
                new PKITLSClientAuthentication(id, SSLContext.getDefault().getSocketFactory());
            default -> new ClientSecretBasic(id, secret);
        };
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
        context.init(shown(), trust.getTrustManagers(), null);
        SSLContext.setDefault(context);
    }

    /** The client's certificate, if it has one. */
    private static KeyManager[] shown() throws Exception {
        if (!(asked.get("certificate") instanceof List<?> files)) {
            return null;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null);
        String pem = Files.readString(Path.of((String) files.get(1)));
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
        try (FileInputStream file = new FileInputStream((String) files.get(0))) {
            Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(file);
            store.setKeyEntry("client", key, new char[0], new Certificate[] {certificate});
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        return keys.getKeyManagers();
    }
}
