// A bank's side of holdfast_json that answers a stop rightly, to begin from. Java 17 or later, nothing but the JDK.
//
// java Bank.java PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE
//   CERT KEY    this bank's own (KEY: PKCS #8); CA: who signed the centre's client certificate; CENTRE_PUB: the centre's signing key, ECDSA P-256
//   ACCOUNTS    lines of KIND NUMBER NAME, as holdfast-kit reads them; your core banking system stands here
//   STORE       every answer is here, on disk, before it is sent: an order that comes again is answered from it and done once
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

public final class Bank {
  private static final int BODY_MAX = 64 * 1024;
  private static final String KIND = "application/vnd.holdfast.order.v1+json";
  private static final Set<String> ACTIONS = Set.of("stop", "query", "extend", "lift", "freeze", "renew", "unfreeze", "holder", "accounts", "holds", "serial", "monitor",
      "unmonitor", "paper", "return", "suspect", "block");

  private record Account(String kind, String name) {}

  private record Stop(String order, Instant ends) {}

  private record Answered(String digest, String said) {}

  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final int status;

    Refused(int status, String why) {
      super(why);
      this.status = status;
    }
  }

  private final String code;
  private final PublicKey centre;
  private final FileChannel store;
  private final Map<String, Account> accounts = new HashMap<>();
  private final Map<String, Answered> answered = new HashMap<>();
  private final Map<String, Stop> stops = new HashMap<>();
  private final Map<String, Instant> asked = new HashMap<>(); // late orders

  private Bank(String code, Path centre, Path accounts, Path store) throws Exception {
    this.code = code;
    this.centre = KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(pem(centre)));
    for (String line : Files.readAllLines(accounts)) {
      String[] fields = line.split(" ", 3);
      if (fields.length == 3 && !fields[0].equals("#")) this.accounts.put(fields[1], new Account(fields[0], fields[2]));
    }
    if (Files.exists(store)) for (String line : Files.readAllLines(store)) remember(line);
    this.store = FileChannel.open(store, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** After a restart: what was answered, and which stops are in force. */
  @SuppressWarnings("unchecked")
  private void remember(String line) throws Refused {
    Map<String, Object> row = (Map<String, Object>) new Json(line).read();
    Map<String, Object> said = (Map<String, Object>) new Json((String) row.get("answer")).read();
    Map<String, Object> done = (Map<String, Object>) said.get("feedback");
    answered.put((String) row.get("order"), new Answered((String) row.get("sha256"), (String) row.get("answer")));
    if (Set.of("0000", "1200").contains(done.get("result")) && done.get("expires_at") != null)
      stops.put((String) row.get("account"), new Stop((String) row.get("order"), Instant.parse((String) done.get("expires_at"))));
  }

  /** DSSE's pre-authentication encoding: the type is inside what is signed, both with their length in bytes. */
  private void checkSignature(byte[] body, String header) throws Refused {
    try {
      Signature signature = Signature.getInstance("SHA256withECDSA");
      signature.initVerify(centre);
      signature.update(("DSSEv1 " + KIND.length() + " " + KIND + " " + body.length + " ").getBytes(StandardCharsets.US_ASCII));
      signature.update(body);
      if (header != null && signature.verify(Base64.getDecoder().decode(header))) return;
    } catch (GeneralSecurityException | IllegalArgumentException error) {
      // not a signature: as one that is wrong
    }
    throw new Refused(401, "Holdfast-Signature: not the centre's over these bytes");
  }

  private static String text(Map<?, ?> from, String key) throws Refused {
    if (from.get(key) instanceof String value) return value;
    throw new Refused(400, key + " is not as it must be");
  }

  private static Map<?, ?> object(Map<?, ?> from, String key) throws Refused {
    if (from.get(key) instanceof Map<?, ?> value) return value;
    throw new Refused(400, key + " is not as it must be");
  }

  private Map<?, ?> readOrder(byte[] body) throws Refused {
    String decoded;
    try {
      decoded = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException error) {
      throw new Refused(400, "the body is not UTF-8");
    }
    if (!(new Json(decoded).read() instanceof Map<?, ?> order)) throw new Refused(400, "the body is no order");
    // fields that we do not know are passed over: later versions of the centre add some
    if (!new BigDecimal(1).equals(order.get("version")) || !ACTIONS.contains(text(order, "action")) || !text(order, "institution").equals(code))
      throw new Refused(400, "version, action or institution is not as it must be");
    text(order, "order_id");
    text(object(order, "account"), "number");
    text(object(order, "account"), "name");
    text(object(order, "transfer"), "amount");
    return order;
  }

  /** What the bank does: here its accounts are a file, and it knows stops only. */
  private Map<String, Object> feedback(Map<?, ?> order, Instant now) throws Refused {
    String number = text(object(order, "account"), "number"), action = text(order, "action");
    Account account = accounts.get(number);
    Stop ours = stops.get(number);
    boolean inForce = ours != null && ours.ends.isAfter(now);
    Map<String, Object> done = new LinkedHashMap<>();
    if (action.equals("suspect")) return result(done, "0000");
    if (account == null || account.kind.equals("unknown")) return result(done, "0300");
    if (action.equals("holds")) {
      done.put("holds", inForce ? List.of(Map.of("order_id", ours.order, "kind", "stop", "expires_at", ours.ends.toString())) : List.of());
      return result(done, "0000");
    }
    if (!action.equals("stop")) return result(done, "1000"); // not supported
    if (!account.name.equals(text(object(order, "account"), "name"))) return result(done, "0301");
    if (account.kind.equals("held") || inForce) return result(done, "1301");
    String balance = account.kind.equals("short") ? "0.50" : "100000.00";
    Instant ends = now.plus(Duration.ofHours(48));
    stops.put(number, new Stop(text(order, "order_id"), ends));
    done.put("executed_at", now.toString());
    done.put("expires_at", ends.toString());
    done.put("balance", balance);
    done.put("held", balance);
    boolean isShort = new BigDecimal(text(object(order, "transfer"), "amount")).compareTo(new BigDecimal(balance)) > 0;
    return result(done, isShort ? "1200" : "0000");
  }

  private static Map<String, Object> result(Map<String, Object> done, String result) {
    done.put("result", result);
    return done;
  }

  /** The same order always has the same answer; it is on disk before anybody hears it. */
  private synchronized String answer(byte[] body) throws Refused, IOException, GeneralSecurityException {
    Map<?, ?> order = readOrder(body);
    String id = text(order, "order_id"), number = text(object(order, "account"), "number");
    String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
    Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    Answered before = answered.get(id);
    if (before != null) {
      if (!before.digest.equals(digest)) throw new Refused(409, "another order with this id was answered");
      return before.said;
    }
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("order_id", id);
    said.put("institution", code);
    said.put("reference", "J-" + (answered.size() + 1));
    boolean late = accounts.containsKey(number) && accounts.get(number).kind.equals("late");
    if (late && asked.computeIfAbsent(id, key -> now).plusSeconds(1).isAfter(now)) return Json.write(said); // the feedback comes to the same order, asked again
    said.put("feedback", feedback(order, now));
    String written = Json.write(said);
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("order", id);
    row.put("sha256", digest);
    row.put("account", number);
    row.put("answer", written);
    store.write(ByteBuffer.wrap((Json.write(row) + "\n").getBytes(StandardCharsets.UTF_8)));
    store.force(false);
    answered.put(id, new Answered(digest, written));
    return written;
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (exchange.getRequestMethod().equals("GET"))
        reply(exchange, path.equals("/v1/ping") ? 200 : path.equals("/v1/orders") ? 405 : 404, "{}");
      else
        serveOrder(exchange, path);
    }
  }

  private void serveOrder(HttpExchange exchange, String path) throws IOException {
    try {
      byte[] body = exchange.getRequestBody().readNBytes(BODY_MAX + 1);
      if (body.length > BODY_MAX) {
        exchange.getRequestBody().readNBytes(4 * BODY_MAX); // what is still coming: a reply in the midst of it is not read by all
        exchange.getResponseHeaders().set("Connection", "close");
        throw new Refused(413, "a body of at most 64 KiB");
      }
      if (!exchange.getRequestMethod().equals("POST") || !path.equals("/v1/orders")) throw new Refused(404, "orders come to /v1/orders");
      checkSignature(body, exchange.getRequestHeaders().getFirst("Holdfast-Signature"));
      reply(exchange, 200, answer(body));
    } catch (Refused refused) {
      reply(exchange, refused.status, Json.write(Map.of("error", refused.getMessage())));
    } catch (GeneralSecurityException error) {
      reply(exchange, 503, "{\"error\":\"not now\"}"); // nothing was done: the centre comes again
    }
  }

  private static void reply(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  // --- TLS ---

  private static byte[] pem(Path file) throws IOException {
    String text = Files.readString(file).replaceAll("(?s).*?-----BEGIN [A-Z ]+-----(.*?)-----END.*", "$1");
    return Base64.getMimeDecoder().decode(text);
  }

  private static SSLContext context(Path certificate, Path key, Path ca) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    KeyStore own = KeyStore.getInstance("PKCS12"), trusted = KeyStore.getInstance("PKCS12");
    own.load(null, null);
    trusted.load(null, null);
    List<Certificate> chain = new ArrayList<>(factory.generateCertificates(new ByteArrayInputStream(Files.readAllBytes(certificate))));
    own.setKeyEntry("bank", KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(pem(key))), new char[0], chain.toArray(new Certificate[0]));
    trusted.setCertificateEntry("ca", factory.generateCertificate(new ByteArrayInputStream(Files.readAllBytes(ca))));
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    keys.init(own, new char[0]);
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // a reply is two writes: the second must not wait for the first one's acknowledgement
    System.setProperty("sun.net.httpserver.maxIdleConnections", "1000"); // connections stay open: the centre keeps them warm
    System.setProperty("sun.net.httpserver.idleInterval", "120");
    Bank bank = new Bank(args[5], Path.of(args[4]), Path.of(args[6]), Path.of(args[7]));
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 128);
    server.setHttpsConfigurator(new HttpsConfigurator(context(Path.of(args[1]), Path.of(args[2]), Path.of(args[3]))) {
      @Override
      public void configure(HttpsParameters parameters) {
        SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
        wanted.setNeedClientAuth(true);
        wanted.setProtocols(new String[] {"TLSv1.2", "TLSv1.3"});
        parameters.setSSLParameters(wanted);
      }
    });
    server.createContext("/", bank::serve);
    server.setExecutor(Executors.newFixedThreadPool(16));
    server.start();
    System.out.println("listening");
  }

  /** JSON as far as it is needed; a key that stands twice is refused: what was signed must have one meaning. */
  private static final class Json {
    private final String text;
    private int at;

    Json(String text) {
      this.text = text;
    }

    Object read() throws Refused {
      Object value = value(0);
      space();
      if (at != text.length()) throw wrong();
      return value;
    }

    private Refused wrong() {
      return new Refused(400, "the body is not JSON, or names a key twice");
    }

    private void space() {
      while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private boolean takes(char wanted) {
      space();
      if (at >= text.length() || text.charAt(at) != wanted) return false;
      at++;
      return true;
    }

    private Object value(int depth) throws Refused {
      space();
      if (depth > 32 || at >= text.length()) throw wrong();
      if (takes('{')) return members(depth);
      if (takes('[')) {
        List<Object> list = new ArrayList<>();
        if (takes(']')) return list;
        do list.add(value(depth + 1));
        while (takes(','));
        if (!takes(']')) throw wrong();
        return list;
      }
      if (text.charAt(at) == '"') return string();
      int begin = at;
      while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
      String word = text.substring(begin, at);
      if (word.equals("true") || word.equals("false")) return word.equals("true");
      if (word.equals("null")) return null;
      if (!word.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")) throw wrong();
      return new BigDecimal(word);
    }

    private Map<String, Object> members(int depth) throws Refused {
      Map<String, Object> members = new HashMap<>();
      if (takes('}')) return members;
      do {
        space();
        String key = string();
        if (!takes(':') || members.containsKey(key)) throw wrong();
        members.put(key, value(depth + 1));
      } while (takes(','));
      if (!takes('}')) throw wrong();
      return members;
    }

    private String string() throws Refused {
      StringBuilder out = new StringBuilder();
      if (at >= text.length() || text.charAt(at++) != '"') throw wrong();
      for (;; at++) {
        if (at >= text.length() || text.charAt(at) < ' ') throw wrong();
        char c = text.charAt(at);
        if (c == '"') break;
        if (c != '\\') {
          out.append(c);
          continue;
        }
        int which = ++at < text.length() ? "\"\\/bfnrtu".indexOf(text.charAt(at)) : -1;
        if (which < 0) throw wrong();
        if (which < 8) {
          out.append("\"\\/\b\f\n\r\t".charAt(which));
          continue;
        }
        if (at + 4 >= text.length() || !text.substring(at + 1, at + 5).matches("[0-9a-fA-F]{4}")) throw wrong();
        out.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
        at += 4;
      }
      at++;
      return out.toString();
    }

    static String write(Object value) {
      if (value instanceof Map<?, ?> map) {
        List<String> members = new ArrayList<>();
        map.forEach((key, member) -> members.add(write(key) + ":" + write(member)));
        return "{" + String.join(",", members) + "}";
      }
      if (value instanceof List<?> list) return "[" + String.join(",", list.stream().map(Json::write).toList()) + "]";
      StringBuilder out = new StringBuilder("\"");
      for (char c : String.valueOf(value).toCharArray())
        if (c == '"' || c == '\\') out.append('\\').append(c);
        else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
        else out.append(c);
      return out.append('"').toString();
    }
  }
}
