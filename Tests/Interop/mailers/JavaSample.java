import java.util.Base64;
import java.util.Properties;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;

/** The Java sample of the vendor's page, sent as it stands through JavaMail: java JavaSample.java PORT */
public class JavaSample {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("mail.smtp.host", "127.0.0.1");
        properties.put("mail.smtp.port", arguments[0]);
        MimeMessage msg = new MimeMessage(Session.getInstance(properties));
        msg.setFrom(new InternetAddress("news@shop.example"));
        msg.setRecipient(Message.RecipientType.TO, new InternetAddress("ann@customer.example"));
        msg.setSubject("Email Tracking");
        // As the vendor's page sets the header.
        String trace = "{\"TagName\":\"Test\",\"OpenTrace\":\"1\",\"LinkTrace\":\"1\"}";
        msg.setHeader("X-AliDM-Trace", Base64.getEncoder().encodeToString(trace.getBytes("UTF-8")));

        // Create the message body part.
        MimeBodyPart textPart = new MimeBodyPart();
        textPart.setContent("<html><body><a href=\"https://www.aliyun.com\">Email Tracking</a></body></html>", "text/html; charset=UTF-8");
        // Check if 'Content-Transfer-Encoding' is set.
        String[] cte = textPart.getHeader("Content-Transfer-Encoding");
        if (cte == null || cte.length == 0) {
            // If not set, add the header.
            textPart.addHeader("Content-Transfer-Encoding", "quoted-printable");
        } else {
            // If it is set, replace the first value (this header usually has only one value).
            textPart.setHeader("Content-Transfer-Encoding", "quoted-printable");
        }

        MimeMultipart multipart = new MimeMultipart();
        multipart.addBodyPart(textPart);
        msg.setContent(multipart);
        Transport.send(msg);
    }
}
