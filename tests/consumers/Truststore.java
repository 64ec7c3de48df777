import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Collections;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Opens truststores as a JVM does: arguments in threes, FILE TYPE PASSWORD ("-" = none). Prints for each: entries, those that are
 * trusted certificates and are found by their alias, anchors that the trust manager takes. */
public final class Truststore {
    private Truststore() {}

    private static void show(String file, String type, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance(type);
        try (FileInputStream in = new FileInputStream(file)) {
            store.load(in, password);
        }
        int trusted = 0;
        for (String alias : Collections.list(store.aliases())) {
            if (store.isCertificateEntry(alias) && store.getCertificate(alias) != null
                    && alias.equals(alias.toLowerCase(java.util.Locale.ENGLISH))) {
                trusted++;
            }
        }
        TrustManagerFactory factory =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        X509Certificate[] anchors =
            ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers();
        System.out.println("entries=" + store.size() + " trusted=" + trusted
            + " anchors=" + anchors.length);
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i + 2 < args.length; i += 3) {
            try {
                show(args[i], args[i + 1], args[i + 2].equals("-") ? null : args[i + 2].toCharArray());
            } catch (java.io.IOException e) {
                System.out.println("refused: " + e.getMessage());
            }
        }
    }
}
