import java.net.Socket;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * A server and a client that name no key store and no trust store: what the system properties say is all that they have.
 * java DefaultTls.java serve PORT | connect HOST PORT PROTOCOL | pair PROTOCOL…  (a server and a client of one process)
 */
public class DefaultTls {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "serve" -> serve((SSLServerSocket) SSLServerSocketFactory.getDefault().createServerSocket(Integer.parseInt(args[1])));
            case "connect" -> connect(args[1], Integer.parseInt(args[2]), args[3]);
            case "pair" -> pair(args);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void pair(String[] args) throws Exception {
        SSLServerSocket listener = (SSLServerSocket) SSLServerSocketFactory.getDefault().createServerSocket(0);
        Thread server = new Thread(() -> serve(listener));
        server.setDaemon(true);
        server.start();
        for (int i = 1; i < args.length; i++) {
            connect("localhost", listener.getLocalPort(), args[i]);
        }
    }

    private static void serve(SSLServerSocket listener) {
        listener.setNeedClientAuth(true);
        while (true) {
            try (SSLSocket client = (SSLSocket) listener.accept()) {
                client.setSoTimeout(10000);
                String answer = "client " + client.getSession().getPeerPrincipal();
                client.getInputStream().read(new byte[8192]);
                client.getOutputStream().write(("HTTP/1.0 200 OK\r\n\r\n" + answer + "\n").getBytes());
            } catch (Exception e) {
                System.err.println("refused: " + e);
            }
        }
    }

    private static void connect(String host, int port, String protocol) throws Exception {
        try (SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket(host, port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setProtocols(new String[] {protocol});
            socket.setSSLParameters(parameters);
            socket.setSoTimeout(10000);
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            SSLSession session = socket.getSession();
            String answer = new String(socket.getInputStream().readAllBytes());
            System.out.println(session.getProtocol() + " verified " + session.getPeerPrincipal() + ", chain of "
                    + session.getPeerCertificates().length + ": " + answer.lines().reduce((a, b) -> b).orElse("no answer"));
        }
    }
}
