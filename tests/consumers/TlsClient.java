import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Connects once as any Java program would: java TlsClient.java HOST PORT PKCS12|JKS TRUSTSTORE PASSWORD [PROTOCOL]. */
public class TlsClient {
    public static void main(String[] args) throws Exception {
        KeyStore trust = KeyStore.getInstance(args[2]);
        try (InputStream in = new FileInputStream(args[3])) {
            trust.load(in, args[4].toCharArray());
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trust);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);

        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(args[0], Integer.parseInt(args[1]))) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            if (args.length > 5) {
                parameters.setProtocols(new String[] {args[5]});
            }
            socket.setSSLParameters(parameters);
            socket.setSoTimeout(10000);
            socket.startHandshake();
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            SSLSession session = socket.getSession();
            int first = socket.getInputStream().read();
            if (first < 0) {
                throw new IllegalStateException("the server closed the connection without an answer");
            }
            System.out.println("verified " + session.getPeerPrincipal() + " by " + session.getProtocol()
                    + ", chain of " + session.getPeerCertificates().length);
        }
    }
}
