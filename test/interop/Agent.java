// An agent of the standard on the JDK alone, written from the documents alone. It knows `ping`.
// Usage: TOKEN=… java Agent.java ws://HOST:PORT/agent
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Agent implements WebSocket.Listener {
  static final ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor();
  static final Map<String, String> answers = new HashMap<>();
  static final Pattern time =
      Pattern.compile("(\\d{4}-\\d\\d-\\d\\d)T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|\\+00:00)");
  static String url;
  static long waitMs = 200;

  private final StringBuilder text = new StringBuilder();
  private ScheduledFuture<?> beats;
  private boolean isOver;

  public static void main(String[] args) {
    url = args[0];
    timers.execute(Agent::connect);
  }

  static void connect() {
    HttpClient.newHttpClient()
        .newWebSocketBuilder()
        .header("Authorization", "Bearer " + System.getenv("TOKEN"))
        .buildAsync(URI.create(url), new Agent())
        .exceptionally(error -> {
          again();
          return null;
        });
  }

  static void again() {
    timers.schedule(Agent::connect, waitMs, TimeUnit.MILLISECONDS);
    waitMs = Math.min(2000, waitMs * 3 / 2);
  }

  @Override
  public void onOpen(WebSocket socket) {
    beats = timers.scheduleAtFixedRate(() -> {
      send(socket, message("heartbeat", null, "{}"));
      send(socket, message("status_update", null, "{\"cpu_usage\":\"30%\",\"memory_usage\":\"1.5GB\"}"));
    }, 0, 1000, TimeUnit.MILLISECONDS);
    socket.request(1);
  }

  @Override
  public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean isLast) {
    text.append(data);
    if (isLast) {
      String received = text.toString();
      text.setLength(0);
      timers.execute(() -> {
        String answer = answer(received);
        if (answer != null) send(socket, answer);
      });
    }
    socket.request(1);
    return null;
  }

  @Override
  public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean isLast) {
    // The class of the JDK sends no 1003.
    socket.sendClose(3003, "binary frames are not supported");
    over();
    return null;
  }

  @Override
  public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
    over();
    return null;
  }

  @Override
  public void onError(WebSocket socket, Throwable error) {
    over();
  }

  private synchronized void over() {
    if (isOver) return;
    isOver = true;
    if (beats != null) beats.cancel(false);
    again();
  }

  /** Called by one thread alone, which waits: the class allows one send at a time. */
  static void send(WebSocket socket, String text) {
    try {
      socket.sendText(text, true).join();
    } catch (RuntimeException closed) {
      // The listener learns of the end by itself.
    }
  }

  static String message(String type, String id, String payload) {
    String now = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
    String named = id == null ? "" : "\"request_id\":" + quote(id) + ",";
    return "{\"type\":\"" + type + "\"," + named + "\"timestamp\":\"" + now + "\",\"payload\":" + payload + "}";
  }

  static String refuse(String code, String text, String id) {
    return message("error", id, "{\"code\":\"" + code + "\",\"message\":" + quote(text) + "}");
  }

  static boolean isName(Object value) {
    return value instanceof String name && !name.isEmpty() && name.length() <= 128;
  }

  static boolean isTime(Object value) {
    Matcher match = value instanceof String text ? time.matcher(text) : null;
    if (match == null || !match.matches()) return false;
    try {
      LocalDate.parse(match.group(1));
      return true;
    } catch (RuntimeException noSuchDay) {
      return false;
    }
  }

  static String answer(String text) {
    Object value;
    try {
      value = new Json(text).document();
    } catch (RuntimeException error) {
      return refuse("MALFORMED", "message is not JSON, or nested too deep", "unknown");
    }
    if (!(value instanceof Map<?, ?> message)) {
      return refuse("MALFORMED", "message must be an object", "unknown");
    }
    Object type = message.get("type");
    String id = isName(message.get("request_id")) ? (String) message.get("request_id") : "unknown";
    if ("error".equals(type)) return null;
    if (!(type instanceof String)) return refuse("MALFORMED", "type must be a text", id);
    if (List.of("response", "heartbeat", "status_update").contains(type)) {
      return refuse("FORBIDDEN", "this peer may not send this type", id);
    }
    if (!"command".equals(type)) return refuse("UNSUPPORTED_TYPE", "message type is unknown", id);
    boolean isValid =
        isName(message.get("request_id"))
            && isTime(message.get("timestamp"))
            && message.get("payload") instanceof Map<?, ?> payload
            && isName(payload.get("command"))
            && (!payload.containsKey("parameters") || payload.get("parameters") instanceof Map);
    if (!isValid) return refuse("MALFORMED", "a field is missing or wrong", id);
    return answers.computeIfAbsent(id, fresh -> {
      String command = (String) ((Map<?, ?>) message.get("payload")).get("command");
      return command.equals("ping")
          ? message("response", fresh, "{\"status\":\"success\",\"message\":\"pong\"}")
          : refuse("INVALID_COMMAND", "The command '" + command + "' is not recognized.", fresh);
    });
  }

  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') quoted.append('\\').append(c);
      else if (c < 0x20) quoted.append(String.format("\\u%04x", (int) c));
      else quoted.append(c);
    }
    return quoted.append('"').toString();
  }

  /** JSON in at most 32 levels; anything else is an exception. */
  static class Json {
    static final Pattern number = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");
    final String text;
    int at;

    Json(String text) {
      this.text = text;
    }

    Object document() {
      Object value = value(0);
      space();
      if (at != text.length()) throw new IllegalStateException();
      return value;
    }

    void space() {
      while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    boolean take(char wanted) {
      space();
      if (at >= text.length() || text.charAt(at) != wanted) return false;
      at++;
      return true;
    }

    void need(char wanted) {
      if (!take(wanted)) throw new IllegalStateException();
    }

    Object value(int depth) {
      if (depth > 32) throw new IllegalStateException();
      space();
      if (take('{')) {
        Map<String, Object> map = new LinkedHashMap<>();
        if (take('}')) return map;
        do {
          space();
          String key = string();
          need(':');
          map.put(key, value(depth + 1));
        } while (take(','));
        need('}');
        return map;
      }
      if (take('[')) {
        List<Object> list = new ArrayList<>();
        if (take(']')) return list;
        do list.add(value(depth + 1)); while (take(','));
        need(']');
        return list;
      }
      if (text.charAt(at) == '"') return string();
      for (String word : List.of("true", "false", "null")) {
        if (!text.startsWith(word, at)) continue;
        at += word.length();
        return word.equals("null") ? null : Boolean.valueOf(word);
      }
      Matcher match = number.matcher(text).region(at, text.length());
      if (!match.lookingAt()) throw new IllegalStateException();
      at = match.end();
      return Double.valueOf(match.group());
    }

    String string() {
      need('"');
      StringBuilder read = new StringBuilder();
      for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
        if (c < 0x20) throw new IllegalStateException();
        if (c != '\\') {
          read.append(c);
          continue;
        }
        char escaped = text.charAt(at++);
        if (escaped == 'u') {
          read.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
          at += 4;
        } else {
          int index = "\"\\/bfnrt".indexOf(escaped);
          if (index < 0) throw new IllegalStateException();
          read.append("\"\\/\b\f\n\r\t".charAt(index));
        }
      }
      return read.toString();
    }
  }
}
