import java.io.InputStream;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeSet;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.yaml.snakeyaml.Yaml;

/** Prints the properties of a Zipkin server, from its own defaults and from the classes that read them; run by catalog/relock. */
class ZipkinKeys {
    static final TreeSet<String> KEYS = new TreeSet<>();
    static final TreeSet<String> PREFIXES = new TreeSet<>();

    public static void main(String[] arguments) throws Exception {
        try (InputStream defaults = ZipkinKeys.class.getResourceAsStream("/zipkin-server-shared.yml")) {
            Map<String, Object> map = new Yaml().load(defaults);
            map.forEach(ZipkinKeys::flatten);
        }
        for (String place : System.getProperty("java.class.path").split(":")) {
            Path root = Path.of(place);
            if (Files.isDirectory(root)) {
                try (var files = Files.walk(root)) {
                    for (Path file : (Iterable<Path>) files.filter(f -> f.toString().endsWith(".class"))::iterator) {
                        String name = root.relativize(file).toString().replace('/', '.').replaceAll("\\.class$", "");
                        readProperties(Class.forName(name, false, ZipkinKeys.class.getClassLoader()));
                    }
                }
            }
        }
        // The project's own words: internal properties that end users should never try to use.
        KEYS.removeIf(key -> key.startsWith("zipkin.internal."));
        System.out.println("[config_keys]");
        KEYS.forEach(System.out::println);
        System.out.println("[config_prefixes]");
        PREFIXES.forEach(System.out::println);
    }

    static void flatten(String key, Object value) {
        if (value instanceof Map<?, ?> map && !map.isEmpty()) {
            map.forEach((inner, deeper) -> flatten(key + "." + inner, deeper));
        } else {
            KEYS.add(key);
        }
    }

    static void readProperties(Class<?> type) {
        ConfigurationProperties annotation = type.getAnnotation(ConfigurationProperties.class);
        if (annotation != null) {
            setters(annotation.value().isEmpty() ? annotation.prefix() : annotation.value(), type);
        }
    }

    static void setters(String prefix, Class<?> type) {
        for (Method method : type.getDeclaredMethods()) {
            boolean isSetter = method.getName().startsWith("set") && method.getParameterCount() == 1;
            boolean isGetter = method.getName().startsWith("get") && method.getParameterCount() == 0;
            if (!isSetter && !isGetter) {
                continue;
            }
            Class<?> value = isSetter ? method.getParameterTypes()[0] : method.getReturnType();
            String name = method.getName().substring(3).replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase();
            String key = prefix + "." + name;
            if (Map.class.isAssignableFrom(value)) {
                PREFIXES.add(key + ".");
            } else if (value.getName().startsWith("zipkin") && !value.isEnum()) {
                setters(key, value);
            } else if (isSetter) {
                KEYS.add(key);
            }
        }
    }
}
