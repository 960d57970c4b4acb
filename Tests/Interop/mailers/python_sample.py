"""The Python sample of the vendor's page, sent as it stands through smtplib: python_sample.py PORT [text]"""
import base64
import json
import smtplib
import sys

from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
msg = MIMEMultipart('alternative')
texthtml = MIMEText('''<html><body><a href="https://www.aliyun.com">Email Tracking</a></body></html>''', _subtype='html',
_charset='UTF-8')
if 'Content-Transfer-Encoding' in msg:
    # If the header is already set, replace the first value (this header usually has only one value).
    msg.replace_header('Content-Transfer-Encoding', 'quoted-printable')
else:
    # If the header is not set, add it.
    msg['Content-Transfer-Encoding'] = 'quoted-printable'
msg.attach(texthtml)

# As the vendor's page sets the header.
trace = {"TagName": "Test", "OpenTrace": "1", "LinkTrace": "1"}
msg['X-AliDM-Trace'] = base64.b64encode(json.dumps(trace).encode()).decode()
msg['From'] = 'news@shop.example'
msg['To'] = 'ann@customer.example'
msg['Subject'] = 'Email Tracking'
if len(sys.argv) > 2:
    # The same mail with the page's other link, which must stay as it is.
    texthtml.set_payload(
        '<html><body><p>Grüße <a href="https://www.aliyun.com/a?b=1&amp;c=%20d#e">one</a> '
        '<a href = "http://www.aliyun.com" data-alidm-traceoff>Alibaba Cloud</a></body></html>', 'UTF-8')
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as client:
    client.sendmail('news@shop.example', ['ann@customer.example'], msg.as_string())
