import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;

/**
 * Prints the keys that may stand in a zoo.cfg; run by catalog/relock. Three sources, all of them the product itself: the
 * names QuorumPeerConfig compares with (javap), every "zookeeper.x" constant of the jar (a key x it does not know
 * becomes that system property), and the property names its TLS classes compose.
 */
class ZooKeeperKeys {
    /** `key.equals("x")` as javap shows it: the local variable, the constant, the method. */
    private static final Pattern COMPARED = Pattern.compile("aload(?:_| +)(\\d+)\\R.*// String (\\S+)\\R"
        + ".*Method java/lang/String\\.(equals|equalsIgnoreCase|startsWith):");
    private static final Pattern PROPERTY = Pattern.compile("zookeeper\\.([A-Za-z0-9][A-Za-z0-9_.]*[A-Za-z0-9])");
    /** Constants of that form that are no settings: a version stamp, and what the JVM itself is asked. */
    private static final Set<String> OTHER = Set.of("version", "jmx");

    public static void main(String[] arguments) throws Exception {
        Set<String> keys = new TreeSet<>();
        Set<String> prefixes = new TreeSet<>();
        List<MatchResult> compared = COMPARED.matcher(parseProperties()).results().toList();
        String key = compared.stream().filter(c -> c.group(2).equals("dataDir")).findFirst().orElseThrow().group(1);
        for (MatchResult comparison : compared) {
            if (comparison.group(1).equals(key)) {
                (comparison.group(3).equals("startsWith") ? prefixes : keys).add(comparison.group(2));
            }
        }
        constants(keys);
        for (String name : new String[] {"ClientX509Util", "QuorumX509Util"}) {
            tls(Class.forName("org.apache.zookeeper.common." + name), keys);
        }
        keys.removeAll(OTHER);
        System.out.println("[config_keys]");
        keys.forEach(System.out::println);
        System.out.println("[config_prefixes]");
        prefixes.forEach(System.out::println);
    }

    private static String parseProperties() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ToolProvider javap = ToolProvider.findFirst("javap").orElseThrow();
        javap.run(new PrintWriter(out, true), new PrintWriter(System.err, true), "-p", "-c", "-cp",
            System.getProperty("java.class.path"), "org.apache.zookeeper.server.quorum.QuorumPeerConfig");
        String text = out.toString();
        int start = text.indexOf("void parseProperties(java.util.Properties)");
        int end = text.indexOf("\n\n", start);
        return text.substring(start, end);
    }

    private static void constants(Set<String> keys) throws Exception {
        String path = Class.forName("org.apache.zookeeper.ZooKeeper").getProtectionDomain().getCodeSource().getLocation().getPath();
        try (JarFile jar = new JarFile(path)) {
            for (JarEntry entry : (Iterable<JarEntry>) jar.stream()::iterator) {
                if (entry.getName().endsWith(".class")) {
                    try (InputStream in = jar.getInputStream(entry)) {
                        pool(new DataInputStream(in), keys);
                    }
                }
            }
        }
    }

    /** Walks one class file's constant pool (Java Virtual Machine Specification, section 4.4). */
    private static void pool(DataInputStream in, Set<String> keys) throws IOException {
        in.skipBytes(8);
        int count = in.readUnsignedShort();
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1 -> {
                    Matcher property = PROPERTY.matcher(in.readUTF());
                    if (property.matches()) {
                        keys.add(property.group(1));
                    }
                }
                case 5, 6 -> {
                    in.skipBytes(8);
                    i++;
                }
                case 7, 8, 16, 19, 20 -> in.skipBytes(2);
                case 15 -> in.skipBytes(3);
                default -> in.skipBytes(4);
            }
        }
    }

    private static void tls(Class<?> util, Set<String> keys) throws Exception {
        Object instance = util.getDeclaredConstructor().newInstance();
        for (Method method : util.getMethods()) {
            if (method.getName().matches("get\\w+Property") && method.getParameterCount() == 0) {
                Matcher property = PROPERTY.matcher(String.valueOf(method.invoke(instance)));
                if (property.matches()) {
                    keys.add(property.group(1));
                }
            }
        }
    }
}
