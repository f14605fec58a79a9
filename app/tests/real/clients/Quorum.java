import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * An independent client of Cassandra, on the project's own Java driver: writes rows at LOCAL_QUORUM at a steady rate, or counts
 * those that are there at LOCAL_QUORUM. Says what it does as a JSON object a line.
 *
 * java Quorum.java write|count CONTACT,POINTS DC KEYSPACE ROWS PER_SECOND
 */
final class Quorum {
    public static void main(String[] arguments) throws Exception {
        var rows = Long.parseLong(arguments[4]);
        // A statement may wait for a busy machine; it is an error only if the ring does not take it.
        var patience = DriverConfigLoader.programmaticBuilder()
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(12))
                .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, Duration.ofSeconds(12))
                .build();
        var builder = CqlSession.builder()
                .withConfigLoader(patience)
                .withLocalDatacenter(arguments[2])
                .withKeyspace(arguments[3]);
        Arrays.stream(arguments[1].split(","))
                .map(address -> address.contains(":") ? address.substring(0, address.indexOf(':')) : address)
                .forEach(address -> builder.addContactPoint(new InetSocketAddress(address, 9042)));
        try (var session = builder.build()) {
            if (arguments[0].equals("write")) {
                write(session, rows, Long.parseLong(arguments[5]));
            } else {
                count(session, rows);
            }
        } catch (Exception failure) {
            System.out.printf("{\"name\":\"failed\",\"first\":\"%s\"}%n", quoted(failure));
            System.exit(1);
        }
    }

    private static String quoted(Throwable failure) {
        return failure.toString().replace('"', '\'').replace('\\', '/').replace('\n', ' ');
    }

    private static void write(CqlSession session, long rows, long perSecond) throws Exception {
        session.execute("CREATE TABLE IF NOT EXISTS written (id bigint PRIMARY KEY, text text)");
        session.checkSchemaAgreement();
        PreparedStatement insert = session.prepare("INSERT INTO written (id, text) VALUES (?, ?)");
        var written = new AtomicLong();
        var errors = new AtomicLong();
        var first = new AtomicReference<>("");
        var began = System.nanoTime();
        for (long id = 0; id < rows; id++) {
            var due = began + id * 1_000_000_000L / perSecond;
            var left = due - System.nanoTime();
            if (left > 0) {
                Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
            }
            var statement = insert.bind(id, "row " + id).setConsistencyLevel(ConsistencyLevel.LOCAL_QUORUM).setIdempotent(true);
            session.executeAsync(statement).whenComplete((result, error) -> {
                if (error == null) {
                    written.incrementAndGet();
                } else {
                    errors.incrementAndGet();
                    first.compareAndSet("", quoted(error));
                }
            });
            if (id % perSecond == perSecond - 1) {
                System.out.printf("{\"name\":\"progress\",\"sent\":%d,\"written\":%d,\"errors\":%d}%n", id + 1, written.get(), errors.get());
            }
        }
        for (var waits = 0; written.get() + errors.get() < rows && waits < 600; waits++) {
            Thread.sleep(100);
        }
        System.out.printf(
                "{\"name\":\"done\",\"written\":%d,\"errors\":%d,\"first\":\"%s\"}%n",
                written.get(), errors.get(), first.get());
    }

    private static void count(CqlSession session, long rows) {
        PreparedStatement select = session.prepare("SELECT id FROM written WHERE id = ?");
        long found = 0;
        for (long id = 0; id < rows; id++) {
            Row row = session.execute(select.bind(id).setConsistencyLevel(ConsistencyLevel.LOCAL_QUORUM)).one();
            found += row == null ? 0 : 1;
        }
        System.out.printf("{\"name\":\"done\",\"found\":%d}%n", found);
    }
}
