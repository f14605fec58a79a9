import java.net.InetAddress;
import java.util.Arrays;
import java.util.Hashtable;
import java.util.TreeSet;
import javax.naming.directory.InitialDirContext;

/**
 * Resolves names as any Java program does, or asks a DNS server of a given port with Java's own client.
 *
 * java Names.java jvm NAME…
 * java Names.java dns://ADDRESS:PORT A|SRV NAME…
 */
final class Names {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("jvm")) {
            for (var name : Arrays.asList(arguments).subList(1, arguments.length)) {
                System.out.println(name + " " + InetAddress.getByName(name).getHostAddress());
            }
            return;
        }
        var settings = new Hashtable<String, String>();
        settings.put("java.naming.factory.initial", "com.sun.jndi.dns.DnsContextFactory");
        settings.put("java.naming.provider.url", arguments[0]);
        settings.put("com.sun.jndi.dns.timeout.initial", "2000");
        var server = new InitialDirContext(settings);
        for (var name : Arrays.asList(arguments).subList(2, arguments.length)) {
            var found = new TreeSet<String>();
            var answer = server.getAttributes(name, new String[] {arguments[1]}).get(arguments[1]);
            for (var at = 0; answer != null && at < answer.size(); at++) {
                found.add(answer.get(at).toString());
            }
            System.out.println(name + " " + String.join(", ", found));
        }
    }
}
